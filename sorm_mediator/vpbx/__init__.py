"""The data of a tenant of the Sipteco virtual PBX, and its dial rules. Without calls and without a switch.

From the bottom to the top; no module imports one that stands further down in this list:

``patterns``     dialled digits that fit a direction. Pure.
``dialling``     the way of a dialled number out, and of a call in. Pure.
``checks``       what is wrong or doubtful in a tenant's tables. Pure.
``rows``         rows of a dump with their places, and the errors of it.
``schema``       the tables of the database and their columns, from the models of the lab file.
``mysql``        reads the text of a MySQL or MariaDB dump.
``readers``      reads a dump of any of the four forms.
``importing``    rows as the data of a tenant.
``labfile``      a tenant as a part of a lab file.

Source: Sipteco platform manual; docs/vpbx.md.
"""
