"""The switch's shell: an ECSS-style command line, without I/O but for the files of the lab's directory.

:class:`~sorm_mediator.switch.shell.session.ShellSession` is the session of one user: lines in, texts out. The
commands are data: the modules ``*_commands`` have tuples of
:class:`~sorm_mediator.switch.shell.command.Command`.

To add commands, write a tuple of them and add it to :func:`~sorm_mediator.switch.shell.session.commands`;
help, completion, the page of ``docs/`` and the test of all commands follow from that. A handler is a function
of an :class:`~sorm_mediator.switch.shell.command.Invocation`::

    def show(call: Invocation) -> str:
        return format_table(("Property", "Value"), rows_of(call.node, call["CLUSTER"]))

    def add(call: Invocation) -> Talk:       # a generator asks: yield the question, get the answer
        answer = yield "Are you sure?: [yes]/no ?> "
        if answer not in ("", "yes"):
            return "Cancelled"
        call.node...
        return "OK"

    LICENCE_COMMANDS = (
        Command("cluster/storage/<CLUSTER>/licence/add", "[--force] <KEY>", add, "Add a licence"),
    )

The last text is the help in English; ``make catalogues`` collects it for its Russian (CONTRIBUTING, Texts).

A handler raises :class:`~sorm_mediator.switch.changes.ChangeRefused`; its text is shown after "Error: ".
"""
