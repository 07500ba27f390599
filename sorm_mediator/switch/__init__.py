"""The emulated switch: ECSS-10, or the Sipteco virtual PBX.

From the bottom to the top; no module imports one that stands further down in this list:

``routing``      the rules of one domain: masks, numbering plans, contexts and their XML. Pure.
``objects``      the objects on control of one mediator in one domain.
``domain``       domains with their subscribers, trunks and ends of bridges.
``profiles``     what leads a call within a domain: contexts of ECSS-10, dial rules of a tenant. Pure.
``path``         the path of a call across domains, and the numbers for SORM. Pure.
``licence``      limits, keys, and the licence that is active.
``node``         the settings as they are now, and the domains and bridges that follow them.
``calls``        the engine: calls, services, messages, matching, reports, speech.
``trace``        what routing would do with a call, down to the console.
``mediators``    the sessions of mediators, for one domain and for several (MultiSORM).
``changes``      every change of a running switch.
``shell``        the command line.
``box``          all of it with its sockets, its timers and its clock.
"""
