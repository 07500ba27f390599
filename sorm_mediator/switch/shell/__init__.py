"""The switch's shell: an ECSS-style command line, without I/O.

:class:`~sorm_mediator.switch.shell.session.ShellSession` is one user at it: lines in, texts out. The commands are
data: each module in :data:`~sorm_mediator.switch.shell.commands.MODULES` has a tuple ``COMMANDS`` of
:class:`~sorm_mediator.switch.shell.command.Command`.

To add a module of commands, write ``COMMANDS`` in it and name it in ``MODULES``; help, completion, the page of
``docs/`` and the test that sweeps all commands follow from that. A handler is a function of a
:class:`~sorm_mediator.switch.shell.command.Call`::

    def show(call: Call) -> str:
        return tables.drawn(("Property", "Value"), rows_of(call.shell.node, call["CLUSTER"]))

    def add(call: Call) -> Talk:             # a generator asks: yield the question, get the answer
        answer = yield "Are you sure?: [yes]/no ?> "
        if answer not in ("", "yes"):
            return "Cancelled"
        call.shell.node...
        return "OK"

    COMMANDS = (
        Command("cluster/storage/<CLUSTER>/licence/add", "[--force] <KEY>", add, "Add a licence", "Добавить лицензию"),
    )

What can't be done raises :class:`~sorm_mediator.switch.changes.ChangeRefused`; its text is shown after "Error: ".
"""
