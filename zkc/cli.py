"""The command line: each command is a thin cover of a function of `zkc.api`; `main` turns every failure into a message and a status.

Status: 0 done, 1 a receipt does not verify, 2 an input or an option that cannot be used, 70 a fault of zkc itself, 74 the answer could not
be written, 129, 130 and 143 stopped by SIGHUP, Ctrl-C or SIGTERM, 141 the reader went away.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from zkc import api, circuit_commands
from zkc.dsl.diagnostics import DiagnosticError
from zkc.isa import BASE
from zkc.output import RawOutput, Report, describe_count, describe_exit, describe_journal, describe_rate, note, print_json, say
from zkc.progress import progress_bars, progress_lines
from zkc.runtime import arguments as allowed
from zkc.runtime.errors import InputError, OutputError, VerificationError, ZkcError
from zkc.runtime.files import FULL, FULL_HINT, check_writable, is_stdout, write_file, write_folder
from zkc.runtime.guest.linux_calls import describe_calls
from zkc.runtime.limits import MAX_CONSOLE_BYTES, MAX_INPUT_BYTES, MAX_JOURNAL_BYTES
from zkc.runtime.stark.parameters import JOHNSON, UNIQUE_DECODING
from zkc.runtime.text import printable
from zkc.stopping import Stopped, stoppable
from zkc.streams import standard_streams
from zkc.values import take_plain_values

if TYPE_CHECKING:
    from zkc.advice import Finding
    from zkc.compiler.extensions import Extensions
    from zkc.runtime.stark.security import Strength

OK, NOT_VERIFIED, BAD_INPUT, INTERNAL, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 70, 130, 141

TABLE_NAME = re.compile(r"[A-Za-z_][\w.]{0,79}")
"""What `audit` may take for a table: names in .circ files, with a part after a dot, are no longer."""
MOST_LINES = 1 << 20
"""Of a table of `profile`: more than programs have."""

app = typer.Typer(
    name="zkc",
    help="Run RISC-V programs, prove the runs, verify the proofs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: pictures around it take longer than all the rest
)

ProgramArgument = Annotated[Path, typer.Argument(metavar="PROGRAM", help="A static RV32IM ELF executable.", show_default=False)]
RunArgument = Annotated[
    Path, typer.Argument(metavar="PROGRAM", help="A static RV32IM ELF executable; or a folder of .circ files.", show_default=False)
]
ReceiptArgument = Annotated[Path, typer.Argument(metavar="RECEIPT", help="A receipt file.", show_default=False)]
InputOption = Annotated[
    Path | None,
    typer.Option("--input", metavar="FILE", help="Input of the program (its file 0); - is stdin. Of a circuit its values: JSON or .npz."),
]
SegmentOption = Annotated[
    int | None,
    typer.Option(
        "--segment-limit",
        metavar="N",
        help=f"At most 2^N rows in a table of one segment, N within {allowed.MIN_LOG_ROWS} .. {allowed.MAX_LOG_ROWS}.",
    ),
]
CyclesOption = Annotated[int | None, typer.Option("--max-cycles", metavar="N", help="Give up after N instructions, 1 or more.")]
IsaOption = Annotated[
    str | None,
    typer.Option("--isa", metavar="ISA", help="Instruction set, such as rv32im_zba_zbb; left out, what the program was built for."),
]
MachineOption = Annotated[str | None, typer.Option("--isa", metavar="ISA", help="With extensions, such as rv32im_zba_zbb.")]


def _take_libraries(folders: list[Path] | None) -> list[Path] | None:
    """Puts the folders where every process looks for modules."""
    if folders:
        os.environ["ZKC_LIB"] = os.pathsep.join(map(os.path.abspath, folders))
    return folders


LibOption = Annotated[
    list[Path] | None,
    typer.Option("--lib", metavar="DIR", help="A folder of modules that .circ files `use`; may be given again.", callback=_take_libraries),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on stdout; a console goes to stderr.")]


class Refused(InputError):
    """A check that failed; `values` are its findings for --json, which prints one object, not one for findings and one for the failure."""

    def __init__(self, message: str, values: Mapping[str, Any], *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.values = values


ConsoleOption = Annotated[int, typer.Option("--max-console", metavar="N", help="At most N bytes of console output.")]
JournalOption = Annotated[int, typer.Option("--max-journal", metavar="N", help="At most N bytes of journal.")]
MaxInputOption = Annotated[int, typer.Option("--max-input", metavar="N", help="At most N bytes of input.")]


@app.callback()
def common(
    circuits: Annotated[
        Path | None, typer.Option("--circuits", metavar="DIR", help="Run in the machine of these .circ files instead of zkc's own.")
    ] = None,
    lib: LibOption = None,
) -> None:
    """Options of every command."""
    if circuits is not None:
        os.environ["ZKC_CIRCUITS"] = os.path.abspath(circuits)  # processes that prove segments inherit it
    api.check_environment()


@app.command()
def execute(
    program: ProgramArgument,
    input: InputOption = None,
    isa: IsaOption = None,
    segment_limit: SegmentOption = None,
    max_cycles: CyclesOption = None,
    max_console: ConsoleOption = MAX_CONSOLE_BYTES,
    max_journal: JournalOption = MAX_JOURNAL_BYTES,
    max_input: MaxInputOption = MAX_INPUT_BYTES,
    json: JsonOption = False,
) -> None:
    """Run a program without proving anything."""
    report = Report(json)
    if circuit_commands.is_circuit(program):
        hint = "a circuit without instructions is not executed: `zkc check DIR` fills its tables and checks them"
        raise InputError("this is a folder, not a program", where=str(program), hint=hint)
    stdin = _stdin(input, max_input)
    with progress_bars(quiet=True) as progress:
        run = api.execute(
            program,
            stdin,
            isa=isa,
            segment_limit=segment_limit,
            max_cycles=max_cycles,
            max_console=max_console,
            max_journal=max_journal,
            console=_console(json),
            progress=progress,
            prepare=_say_what_is_compiled,
        )
    report.show(_run_facts(run), **_run_values(run))
    _name_refused(run)


def _of_output(max_console: int, max_journal: int) -> dict[str, object]:
    """Bounds of what programs write, None if they are left as they are."""
    return {
        "--max-console": max_console if max_console != MAX_CONSOLE_BYTES else None,
        "--max-journal": max_journal if max_journal != MAX_JOURNAL_BYTES else None,
    }


@app.command()
def check(
    program: RunArgument,
    input: InputOption = None,
    isa: IsaOption = None,
    segment_limit: SegmentOption = None,
    max_cycles: CyclesOption = None,
    max_console: ConsoleOption = MAX_CONSOLE_BYTES,
    max_journal: JournalOption = MAX_JOURNAL_BYTES,
    max_input: MaxInputOption = MAX_INPUT_BYTES,
    lib: LibOption = None,
    json: JsonOption = False,
) -> None:
    """Run a program and hold every row against the circuit, without compiling machine code or proving. Status 2 if one does not fit."""
    from zkc.checking import check as held_against_circuit

    report = Report(json)
    if circuit_commands.is_circuit(program):
        of_programs = {"--isa": isa, "--segment-limit": segment_limit, "--max-cycles": max_cycles, **_of_output(max_console, max_journal)}
        circuit_commands.refuse(of_programs, "programs")
        circuit_commands.check(program, input, max_input, report)
        return
    with progress_bars(quiet=json, soon=True) as progress:
        found = held_against_circuit(
            program,
            _stdin(input, max_input),
            isa=isa,
            segment_limit=segment_limit,
            max_cycles=max_cycles,
            max_console=max_console,
            max_journal=max_journal,
            console=_console(json),
            progress=progress,
        )
    rows = ", ".join(f"{name} {describe_count(count)}" for name, count in found.rows.items())
    facts = {
        "satisfied": f"yes, {_count(found.segments, 'segment')}",
        "exit code": describe_exit(found.exit_code),
        "instructions": describe_count(found.instructions),
        "rows": rows,
    }
    report.show(facts, satisfied=True, instructions=found.instructions, segments=found.segments, exit_code=found.exit_code, rows=found.rows)


@app.command()
def prove(
    program: RunArgument,
    input: InputOption = None,
    isa: IsaOption = None,
    segment_limit: SegmentOption = None,
    max_cycles: CyclesOption = None,
    max_console: ConsoleOption = MAX_CONSOLE_BYTES,
    max_journal: JournalOption = MAX_JOURNAL_BYTES,
    max_input: MaxInputOption = MAX_INPUT_BYTES,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", help="Prove N segments at a time; left out, one for every four cores.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="SIZE", help="Prove with so much memory, such as 1500M or 4G: in smaller segments.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option("--ray", metavar="[ADDRESS]", help="Prove on a Ray cluster: HOST:PORT, ray://HOST:PORT; left out, this machine's."),
    ] = None,
    small: Annotated[bool, typer.Option("--small", help="Less than half the bytes for twice the time and more memory; see below.")] = False,
    hide: Annotated[
        bool,
        typer.Option("--hide/--no-hide", help="The receipt hides the input; without, it is a fifth smaller and proven a little faster."),
    ] = True,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="The receipt; PROGRAM.receipt here if left out.")
    ] = None,
    lib: LibOption = None,
    json: JsonOption = False,
) -> None:
    """Run a program and prove the run; or prove the claim of a circuit.

    The receipt tells nothing of the input but what follows from journal, exit code, the number of segments and the sizes of their tables.
    With --no-hide it does not hide the input: parts can be computed from it.

    With --small its security rests on the Johnson radius, on a theorem from a preprint: who verifies it must accept that.
    """
    report = Report(json)
    target = output or Path(program.stem + ".receipt")
    check_writable(target, what="the receipt", inputs=_inputs(program, input))
    _leave_stdout_to(target, json)
    if circuit_commands.is_circuit(program):
        of_proofs = {"--jobs": jobs, "--memory": memory, "--ray": ray}
        of_programs = {"--isa": isa, "--segment-limit": segment_limit, "--max-cycles": max_cycles, **of_proofs}
        circuit_commands.refuse(of_programs | _of_output(max_console, max_journal), "programs")
        circuit_commands.prove(program, input, max_input, target, report, small=small, hide=hide)
        return
    stdin = _stdin(input, max_input)
    with progress_bars(quiet=json) as progress:
        proof = api.prove(
            program,
            stdin,
            isa=isa,
            output=target,
            segment_limit=segment_limit,
            max_cycles=max_cycles,
            max_console=max_console,
            max_journal=max_journal,
            jobs=_jobs(jobs, alone=ray is None and memory is None, small=small),
            memory=None if memory is None else allowed.size("memory", memory),
            ray=ray,
            small=small,
            hide=hide,
            console=_console(json),
            progress=progress,
            advice=_advice,
            prepare=partial(_compile_first, progress),
        )
    facts = _run_facts(proof.run) | {
        "proven in": describe_rate(proof.run.instructions, proof.seconds),
        "proof": f"{describe_count(proof.proof_bytes)} bytes",
        "security": _describe_strength(proof.strength),
        "receipt": str(target),
    }
    values = _run_values(proof.run) | {"prove_seconds": proof.seconds, "receipt_bytes": len(proof.receipt)}
    values["findings"] = [finding.values() for finding in proof.findings]
    values |= {"proof_bytes": proof.proof_bytes, **proof.strength.values(), "receipt": str(target), "hides": hide}
    report.show(facts, **values)
    if stdin and not hide:
        note("zkc: the receipt does not hide the input: parts of it can be computed; prove without --no-hide before you give it away")
    if proof.strength.regime == JOHNSON:
        note("zkc: the receipt rests on the Johnson radius, on a preprint: whoever verifies it must accept that, with --accept-johnson")
    _name_refused(proof.run)


def _jobs(given: int | None, *, alone: bool, small: bool) -> int:
    """How many segments are proven at a time: as was asked for, or what is best on this machine if all of it may be used."""
    return given if given is not None else api.best_jobs(small=small) if alone else 1


@app.command()
def verify(
    receipt: ReceiptArgument,
    elf: Annotated[Path | None, typer.Option("--elf", metavar="PROGRAM", help="The program that must have run.")] = None,
    image_id: Annotated[str | None, typer.Option("--image-id", metavar="HEX", help="Its image ID, instead of the program itself.")] = None,
    journal: Annotated[Path | None, typer.Option("--journal", metavar="FILE", help="The journal that it must have written.")] = None,
    exit_code: Annotated[
        int | None, typer.Option("--exit-code", metavar="N", help="The exit code that it must have had; -1 is 4294967295.")
    ] = None,
    isa: IsaOption = None,
    accept_johnson: Annotated[
        bool, typer.Option("--accept-johnson", help="Take receipts made with --small: they rest on the Johnson radius, on a preprint.")
    ] = False,
    circuit: Annotated[Path | None, typer.Option("--circuit", metavar="DIR", help="The circuit that must be satisfied.")] = None,
    claim: Annotated[Path | None, typer.Option("--claim", metavar="FILE", help="Values that its claim must have: JSON or .npz.")] = None,
    digest: Annotated[str | None, typer.Option("--digest", metavar="HEX", help="The digest that the circuit must have.")] = None,
    lib: LibOption = None,
    json: JsonOption = False,
) -> None:
    """Check a receipt. Status 1 if it does not prove what is asked."""
    report = Report(json)
    if circuit is not None:
        of_programs = {"--elf": elf, "--image-id": image_id, "--journal": journal, "--exit-code": exit_code, "--isa": isa}
        circuit_commands.refuse(of_programs, "receipts of programs")
        circuit_commands.verify(receipt, circuit, claim, digest, report, accept_johnson=accept_johnson)
        return
    circuit_commands.refuse({"--claim": claim, "--digest": digest}, "receipts of circuits, with --circuit DIR")
    expected = None if journal is None else api.read_journal(journal)
    with progress_bars(quiet=json) as progress:
        verified = api.verify(
            receipt,
            program=elf,
            image_id=image_id,
            journal=expected,
            exit_code=exit_code,
            isa=isa,
            accept_johnson=accept_johnson,
            progress=progress,
        )
    facts = {
        "verified": f"yes, {_count(verified.segments, 'segment')} in {report.seconds():.2f} s",
        "image id": verified.image_id,
        **_machine_fact(verified.isa),
        "exit code": describe_exit(verified.exit_code),
        "journal": describe_journal(verified.journal),
        "security": _describe_strength(verified.strength),
    }
    report.show(
        facts,
        verified=True,
        image_id=verified.image_id,
        isa=verified.isa,
        exit_code=verified.exit_code,
        journal=verified.journal.hex(),
        segments=verified.segments,
        proof_bytes=verified.proof_bytes,
        receipt_bytes=verified.receipt_bytes,
        **verified.strength.values(),
    )


@app.command()
def profile(
    program: ProgramArgument,
    input: InputOption = None,
    isa: IsaOption = None,
    segment_limit: SegmentOption = None,
    max_cycles: CyclesOption = None,
    max_console: ConsoleOption = MAX_CONSOLE_BYTES,
    max_journal: JournalOption = MAX_JOURNAL_BYTES,
    max_input: MaxInputOption = MAX_INPUT_BYTES,
    top: Annotated[int, typer.Option("--top", metavar="N", help="Lines of each table, 1 or more.")] = 15,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Call stacks as JSON, for speedscope.app.", show_default=False)
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show where a program's instructions and their cost go."""
    from zkc.profile import speedscope
    from zkc.render import print_profile, profile_values

    report = Report(json)
    top = allowed.integer("top", top, 1, MOST_LINES)
    if output is not None:
        check_writable(output, what="the profile", inputs=_inputs(program, input))
        _leave_stdout_to(output, json)
    with progress_bars(quiet=json) as progress:
        found = api.profile(
            program,
            _stdin(input, max_input),
            isa=isa,
            segment_limit=segment_limit,
            max_cycles=max_cycles,
            max_console=max_console,
            max_journal=max_journal,
            console=_console(json),
            progress=progress,
        )
    if output is not None:
        write_file(output, speedscope(found, program.stem).encode(), what="the profile")
    if json:
        report.show({}, **_run_values(found.run), **profile_values(found))
    else:
        print_profile(found, top)
    _name_refused(found.run)


@app.command("report")
def make_report(
    program: ProgramArgument,
    input: InputOption = None,
    isa: IsaOption = None,
    segment_limit: SegmentOption = None,
    max_cycles: CyclesOption = None,
    max_console: ConsoleOption = MAX_CONSOLE_BYTES,
    max_journal: JournalOption = MAX_JOURNAL_BYTES,
    max_input: MaxInputOption = MAX_INPUT_BYTES,
    proves: Annotated[bool, typer.Option("--prove/--no-prove", help="Prove the run, to see where the time goes.")] = True,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="The page; PROGRAM.html here if left out.")] = None,
    json: JsonOption = False,
) -> None:
    """Write an HTML page about a run: segments, pages, tables, times."""
    from zkc.render import profile_values

    shown = Report(json)
    target = output or Path(program.stem + ".html")
    check_writable(target, what="the report", inputs=_inputs(program, input))
    _leave_stdout_to(target, json)
    with progress_bars(quiet=json) as progress:
        page = api.report(
            program,
            _stdin(input, max_input),
            isa=isa,
            name=program.stem,
            proves=proves,
            segment_limit=segment_limit,
            max_cycles=max_cycles,
            max_console=max_console,
            max_journal=max_journal,
            console=_console(json),
            progress=progress,
            prepare=partial(_compile_first, progress) if proves else _say_what_is_compiled,
        )
    write_file(target, page.html.encode("utf-8", "backslashreplace"), what="the report")
    proven = {"prove_seconds": page.seconds, "proof_bytes": page.proof_bytes}
    shown.show({"report": str(target)}, report=str(target), **_run_values(page.run), **proven, **profile_values(page.profile))
    _name_refused(page.run)


@app.command("image-id")
def image_id(program: ProgramArgument, json: JsonOption = False) -> None:
    """Print the image ID of a program: 64 hexadecimal digits."""
    report = Report(json)
    digits = api.image_id(program)
    if json:
        report.show({}, image_id=digits)
    else:
        say(digits)


@app.command()
def inspect(
    receipt: ReceiptArgument,
    journal: Annotated[bool, typer.Option("--journal", help="Write the journal's bytes to stdout, and nothing else.")] = False,
    isa: MachineOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a receipt says, without verifying it."""
    report = Report(json)
    if journal and not json:
        RawOutput().write(sys.stdout, 1, api.read_receipt(receipt).journal)
        return
    facts = circuit_commands.inspect(receipt) if circuit_commands.is_circuit_receipt(receipt) else api.inspect(receipt, isa)
    if json:
        report.show({}, **facts)
        return
    if "journal" in facts:
        facts["journal"] = describe_journal(bytes.fromhex(str(facts["journal"])))
    say("Not verified; this is what the receipt says.")
    for line in _tree(facts):
        say(printable(line))


@app.command()
def compile(
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Folder of .circ files; zkc's own if left out.", show_default=False)
    ] = None,
    isa: MachineOption = None,
    emit: Annotated[str | None, typer.Option("--emit", metavar="WHAT", help="Print a stage of the compilation instead.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where --emit writes; stdout if left out.")] = None,
    kernels: Annotated[bool, typer.Option("--kernels/--no-kernels", help="Compile all kernels to machine code, too.")] = True,
    jobs: Annotated[int | None, typer.Option("--jobs", metavar="N", help="Compile N kernels at a time; as many as cores.")] = None,
    lib: LibOption = None,
    json: JsonOption = False,
) -> None:
    """Compile the machine from its .circ files."""
    report = Report(json)
    if emit is not None:
        _emit(directory, isa, emit, output, report)
        return
    if output is not None:
        raise InputError("-o is for what --emit writes", hint="give --emit WHAT, too")
    with progress_bars(quiet=json) as progress:
        folder, extensions = directory or _circuits(), api.extensions_asked(directory or _circuits(), isa)
        if kernels:
            made = api.warm(folder, extensions=extensions, jobs=jobs, progress=progress)
        else:
            made = api.without_kernels(folder, isa=isa, progress=progress)
    warnings = _warnings(directory, isa)
    facts = {
        "digest": made.digest.hex(),
        "tables": str(made.tables),
        "buses": str(made.buses),
        "constraints": str(made.constraints),
        "kernels": f"{made.kernels} compiled" if made.kernels else "nothing to compile",
        "seconds": f"{report.seconds():.2f}",
    }
    counts = {"tables": made.tables, "buses": made.buses, "kernels": made.kernels}
    report.show(facts, digest=made.digest.hex(), **counts, warnings=warnings)


@app.command()
def opt(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Operations as text (- is stdin), or .circ: a file, a folder, zkc's own.", show_default=False),
    ] = None,
    passes: Annotated[str, typer.Option("-p", "--passes", metavar="PASSES", help="What is run, in order: 'a,b{option=3}'.")] = "",
    print_between_passes: Annotated[bool, typer.Option("--print-between-passes", help="Print all after each pass, on stderr.")] = False,
    time_passes: Annotated[bool, typer.Option("--time-passes", help="Print the seconds of each pass to stderr.")] = False,
    verify_each: Annotated[bool, typer.Option("--verify-each", help="Verify after each pass, not only first and last.")] = False,
    split_input_file: Annotated[bool, typer.Option("--split-input-file", help="Lines `// -----` separate modules.")] = False,
    verify_diagnostics: Annotated[
        bool, typer.Option("--verify-diagnostics", help="Print nothing; status 2 unless errors are those that comments expect.")
    ] = False,
    locations: Annotated[bool, typer.Option("--locations", help="Print where each operation comes from.")] = False,
    lib: LibOption = None,
    json: JsonOption = False,
) -> None:
    """Run passes of the compiler over operations, and print what comes out."""
    from zkc import opt as optimiser

    report = Report(json)
    settings = optimiser.Settings(optimiser.parse_pipeline(passes), verify_each=verify_each, locations=locations)
    if print_between_passes:
        settings.between = lambda name, module: note(optimiser.after(name, module, locations=locations))
    found = optimiser.sources(file, api.circuits_folder(), split=split_input_file)
    if verify_diagnostics:
        wrong = [line for source in found for line in optimiser.verify_diagnostics(source, settings)]
        if wrong:
            raise Refused("errors are not those that comments expect:\n" + "\n".join(wrong), {"wrong": wrong}, hint=None)
        report.show({"modules with the errors expected": str(len(found))}, modules=len(found), seconds_of_passes=settings.times)
        return
    text = optimiser.optimise_all(found, settings)
    if time_passes:
        for name, seconds in settings.times:
            note(f"{seconds:9.4f} s  {name}")
    if json:
        report.show({}, text=text, seconds_of_passes=settings.times)
    else:
        say(text.removesuffix("\n"))


def _emit(directory: Path | None, isa: str | None, stage: str, output: Path | None, report: Report) -> None:
    """A stage of the compilation, to a file or to stdout."""
    if output is not None:
        check_writable(output, what="the stage", inputs=(directory or api.circuits_folder()).glob("*.circ"))
        _leave_stdout_to(output, report.as_json)
    text = api.emit(directory or _circuits(), stage, isa)
    if output is not None:
        write_file(output, f"{text}\n".encode(), what="the stage")
        report.show({"written": str(output)}, stage=stage, output=str(output))
    elif report.as_json:
        report.show({}, stage=stage, text=text)
    else:
        say(text)


@app.command()
def fmt(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help=".circ files or folders; zkc's own if left out.", show_default=False)
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; status 2 if a file is not in our style.")] = False,
    json: JsonOption = False,
) -> None:
    """Bring .circ files into one style; meaning and comments stay."""
    report = Report(json)
    changed = api.format_files(paths or [api.circuits_folder()], write=not check)
    names = [str(path) for path in changed]
    if check and changed:
        raise Refused("not in our style: " + ", ".join(names), {"changed": names}, hint="run `zkc fmt` on them")
    report.show({"changed": ", ".join(names) or "nothing"}, changed=names)


@app.command()
def test(
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Folder of .circ files; zkc's own if left out.", show_default=False)
    ] = None,
    isa: MachineOption = None,
    pattern: Annotated[str, typer.Option("-k", metavar="TEXT", help="Only tests whose name holds TEXT.")] = "",
    random: Annotated[
        int, typer.Option("--random", metavar="N", help="Steps of each instruction on corners and random operands.")
    ] = api.RANDOM_STEPS,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Which random operands.")] = 0,
    lib: LibOption = None,
    json: JsonOption = False,
) -> None:
    """Run the tests of .circ files, of gadgets and of instructions, and every instruction on random operands. Status 2 if one fails."""
    report = Report(json)
    with progress_bars(quiet=json) as progress:
        outcomes = api.run_inline_tests(directory or _circuits(), pattern, isa=isa, random=random, seed=seed, progress=progress)
    warnings = _warnings(directory, isa)
    for outcome in outcomes:
        for failure in outcome.failures:
            for line in f"{outcome.name}: {failure}".split("\n"):
                note(printable(line))
    failed = list(dict.fromkeys(outcome.name for outcome in outcomes if outcome.failures))
    written = [outcome for outcome in outcomes if not outcome.random]
    counts = {
        "tests": len(written),
        "lines": sum(outcome.checks for outcome in written),
        "random_steps": sum(outcome.checks for outcome in outcomes if outcome.random),
        "failed": len(failed),
    }
    if not (json and failed):
        report.show({name.replace("_", " "): str(count) for name, count in counts.items()}, **counts, warnings=warnings)
    if failed:
        failures = [{"test": x.name, "where": f.where, "line": f.line, "problems": f.problems} for x in outcomes for f in x.failures]
        more = {**counts, "failures": failures, "warnings": warnings}
        raise Refused(f"{_count(len(failed), 'test')} failed: {', '.join(failed)}", more)


@app.command()
def doc(
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Folder of .circ files; zkc's own if left out.", show_default=False)
    ] = None,
    isa: MachineOption = None,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where the pages go.")] = Path("site"),
    lib: LibOption = None,
    json: JsonOption = False,
) -> None:
    """Make pages of HTML about .circ files: instructions, tables, gadgets, buses, and what they cost."""
    report = Report(json)
    with progress_bars(quiet=json) as progress:
        pages = api.documentation(directory or _circuits(), isa=isa, progress=progress)
    names = [str(path) for path in write_folder(output, {name: page.encode() for name, page in pages.items()}, what="the pages")]
    report.show({"pages": str(len(names)), "open": str(output / "index.html")}, files=names)


@app.command()
def audit(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DIR] [TABLE]...", help="Folder of .circ files, zkc's own if left out; tables, all if left out."),
    ] = None,
    isa: MachineOption = None,
    columns: Annotated[bool, typer.Option("--columns", help="Show the columns only: prove nothing.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Show every column of every table.")] = False,
    lib: LibOption = None,
    json: JsonOption = False,
) -> None:
    """Prove that the constraints leave the prover no choice, and show where the range of each column comes from."""
    from dataclasses import asdict

    from zkc.render import print_audit

    report = Report(json)
    directory, tables = _folder_and_tables(names or [])
    found = api.audit(directory or _circuits(), tables, isa)
    warnings = _warnings(directory, isa)
    if not columns:
        with progress_bars(quiet=json) as progress:
            api.check_circuits(directory or _circuits(), tables, isa=isa, progress=progress)
    if json:
        report.show({}, columns=[asdict(column) for column in found], warnings=warnings)
    else:
        print_audit(found, every=every)
        if not columns:
            say("Rows that agree on what they receive agree on what they send, but for what is free on purpose.")
            say("No row fits a step at which the executor stops, and the rows of honest runs that were tried fit.")


@app.command()
def stats(
    isa: MachineOption = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show what changed since circuits.lock was written.")] = False,
    check_lock: Annotated[bool, typer.Option("--check-lock", help="Status 2 if circuits.lock is out of date.")] = False,
    write_lock: Annotated[bool, typer.Option("--write-lock", help="Write circuits.lock.")] = False,
    lib: LibOption = None,
    json: JsonOption = False,
) -> None:
    """Show what each table costs."""
    from dataclasses import asdict

    from zkc.render import print_costs
    from zkc.stats import costs

    report = Report(json)
    if isa is not None and (diff or check_lock or write_lock):
        raise InputError("circuits.lock is that of the base machine", hint="leave --isa out")
    circuit = api.machine(api.extensions_asked(api.circuits_folder(), isa)).circuit
    if write_lock:
        api.write_lock()
    changes = api.lock_changes() if diff or check_lock else []
    if not json and changes:
        say("\n".join(map(printable, changes)))
    if check_lock and changes:
        hint = "look at the change, then `zkc stats --write-lock`"
        raise Refused("circuits.lock is not what the circuit compiles to", {"changes": changes}, hint=hint)
    if not json and (diff or check_lock):
        return
    if json:
        report.show({}, digest=circuit.digest.hex(), tables=[asdict(cost) for cost in costs(circuit)], changes=changes)
    else:
        print_costs(costs(circuit))


@app.command()
def security(
    log_rows: Annotated[
        int, typer.Option("--log-rows", metavar="N", help=f"Tables of 2^N rows, N within {api.LOG_ROWS[0]} .. {api.LOG_ROWS[1]}.")
    ] = 20,
    isa: MachineOption = None,
    small: Annotated[bool, typer.Option("--small", help="Of a proof made with --small.")] = False,
    hide: Annotated[bool, typer.Option("--hide/--no-hide", help="Of a proof made with --no-hide.")] = True,
    json: JsonOption = False,
) -> None:
    """Show every term of the security of a proof."""
    from zkc.render import print_security

    report = Report(json)
    result = api.security(log_rows, isa=isa, small=small, hide=hide)
    if json:
        regimes = {x.regime: {"theorem": x.theorem, "parameter": x.parameter, "terms": dict(x.terms)} for x in result.regimes}
        report.show({}, **result.strength.values(), limiting=result.limiting, regimes=regimes, digests=dict(result.digests))
    else:
        print_security(result)


@app.command()
def disasm(program: ProgramArgument, isa: IsaOption = None, json: JsonOption = False) -> None:
    """Print the code of a program with its functions and source lines."""
    from zkc.listing import listing

    report = Report(json)
    loaded = api.load(program, isa)
    lines = listing(loaded.program, loaded.machine.disassemble)
    if json:
        report.show({}, lines=list(lines))
        return
    for line in lines:
        say(printable(line))


class _WithFlags(TyperCommand):
    """A command that leaves everything after `--` in `context.args`, untouched."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own, flags = _before_flags(args)
        super().parse_args(ctx, own)
        ctx.args = flags
        return flags


def _before_flags(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What stands before the first `--`, and what after it."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


@app.command(cls=_WithFlags)
def build(
    context: typer.Context,
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE... [-- FLAG...]", help="C and assembly; compiler flags after --.", show_default=False)
    ],
    isa: MachineOption = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="The program; SOURCE.elf here if left out.")] = None,
    json: JsonOption = False,
) -> None:
    """Build a guest program from C (needs `pip install zkc[guest]`)."""
    from zkc.toolchain import build as build_guest

    report = Report(json)
    chosen = output or Path(Path(sources[0]).stem + ".elf")
    _leave_stdout_to(chosen, json)
    target = build_guest(sources, chosen, isa=isa, flags=context.args)
    report.show({"program": str(target), "bytes": describe_count(target.stat().st_size)}, program=str(target), bytes=target.stat().st_size)


@app.command()
def lsp(lib: LibOption = None) -> None:
    """Answer an editor about .circ files, on stdin and stdout (needs `pip install zkc[editor]`)."""
    try:
        from zkc.lsp.server import server
    except ModuleNotFoundError as error:
        raise InputError(f"the language server needs {error.name}", hint="pip install 'zkc[editor]'") from None
    if sys.stdin is None or sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]  # closed
        raise InputError("the language server speaks on stdin and stdout, and one of them is closed", hint="let an editor start it")
    server(api.version()).start_io()


@app.command()
def new(
    name: Annotated[Path, typer.Argument(metavar="NAME", help="The folder to make.", show_default=False)],
    isa: MachineOption = None,
    json: JsonOption = False,
) -> None:
    """Make a folder with a program that builds, runs and is tested."""
    from zkc.project import create

    report = Report(json)
    files = create(name, isa)
    report.show(
        {"made": ", ".join(str(file) for file in files), "next": f"cd {name}, then see README.md"}, files=[str(file) for file in files]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status.

    Nothing that a person can cause shows a traceback; ZKC_DEBUG=1 shows it for the rest.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in _before_flags(arguments)[0]
    with standard_streams():
        try:
            status = _command(arguments)
            sys.stdout.flush()
        except BaseException as error:
            status = _status_of(error, as_json)
        return status


def _command(arguments: list[str]) -> int:
    # Not app(): that has its own idea of what an interrupt and a closed pipe should print.
    command = typer.main.get_command(app)
    take_plain_values(command)
    try:
        with stoppable(), progress_lines(), _one_command(), command.make_context("zkc", _with_addresses(arguments)) as context:
            command.invoke(context)
    except typer.Exit as done:  # after --help
        return done.exit_code
    return OK


@contextmanager
def _one_command() -> Generator[None]:
    """What --circuits and --lib set is for this command alone."""
    before = {name: os.environ.get(name) for name in ("ZKC_CIRCUITS", "ZKC_LIB")}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _status_of(error: BaseException, as_json: bool) -> int:
    """Says what went wrong, and gives the status for it."""
    if isinstance(error, DiagnosticError):
        found = [{"code": d.code, "message": d.message, "where": None if d.span is None else str(d.span)} for d in error.diagnostics]
        note(str(error))
        other = any(d.span is not None and not d.span.file.endswith(".circ") for d in error.diagnostics)
        texts = "the text" if other else "the .circ files"
        return _failed(f"{_count(len(found), 'error')} in {texts}", error.status, as_json, diagnostics=found)
    if isinstance(error, Refused):
        return _failed(_with_notes(error), error.status, as_json, **error.values)
    if isinstance(error, ZkcError):
        verified = False if isinstance(error, VerificationError) else None
        return _failed(_with_notes(error), error.status, as_json, verified=verified, **circuit_commands.failures_of(error))
    if (system := _of_the_system(error)) is not None:
        return _failed(str(system), system.status, as_json)
    if isinstance(error, (BrokenPipeError, SystemExit)):  # rich exits by itself when the reader went away
        return PIPE_CLOSED
    if isinstance(error, Stopped):
        return _failed(_with_notes(error), error.status, as_json)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return _failed("interrupted", INTERRUPTED, as_json)
    if isinstance(error, MemoryError):
        return _failed("there is not enough memory\n  help: prove smaller segments with --segment-limit", BAD_INPUT, as_json)
    usage = getattr(error, "format_message", None)
    if usage is not None:  # a usage error, found by typer
        context = getattr(error, "ctx", None)
        command = "zkc" if context is None else context.command_path
        return _failed(f"{usage() or 'no command was given'}\n  help: `{command} --help` shows what there is", BAD_INPUT, as_json)
    if os.environ.get("ZKC_DEBUG") == "1":
        note("".join(traceback.format_exception(error)))
    text = f"internal error: {type(error).__name__}: {error}\n  help: this is a fault of zkc; ZKC_DEBUG=1 shows where"
    return _failed(text, INTERNAL, as_json)


def _of_the_system(error: BaseException) -> ZkcError | None:
    """What it means that the system refused something unexpected: mostly a folder that is closed or gone, not a fault of ours."""
    if not isinstance(error, OSError) or isinstance(error, BrokenPipeError):
        return None
    reason = error.strerror or str(error)
    if error.errno in FULL:
        return OutputError(f"cannot write: {reason}", where=_shown_path(error), hint=FULL_HINT)
    try:
        os.getcwd()
    except OSError:
        return InputError("the folder that this command was started in is gone", hint="change to another folder")
    if error.filename is None:
        return None
    return InputError(f"cannot be used: {reason}", where=_shown_path(error), hint="check the path, and who may use it")


def _shown_path(error: OSError) -> str | None:
    return None if error.filename is None else os.fsdecode(error.filename)


def _failed(message: str, status: int, as_json: bool, **values: Any) -> int:
    note(f"zkc: {message}")
    if as_json:
        with suppress(OutputError, BrokenPipeError):  # the status says more than that
            print_json(error=message, status=status, **values)
    return status


def _with_addresses(arguments: Sequence[str]) -> list[str]:
    """`--ray` means `--ray auto` where no address follows: an option of the library has a value or none."""
    if "--ray" not in arguments:
        return list(arguments)
    from zkc.runtime.receipts.cluster import ADDRESS

    own = len(_before_flags(list(arguments))[0])
    following = [*arguments[1:own], ""]
    bare = [given == "--ray" and not (ADDRESS.fullmatch(after) or after.startswith("ray://")) for given, after in zip(arguments, following)]
    return [*(f"{given}=auto" if alone else given for given, alone in zip(arguments, bare)), *arguments[own:]]


def _folder_and_tables(names: Sequence[str]) -> tuple[Path | None, list[str]]:
    """What `audit` is given: a folder first, or tables only. What is there, or can be no name of a table, is a folder."""
    if not names or (TABLE_NAME.fullmatch(names[0]) and not os.path.lexists(names[0])):
        return None, list(names)
    return Path(names[0]), list(names[1:])


def _with_notes(error: BaseException) -> str:
    """The message, and what functions on the way added to it."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def _circuits() -> str | None:
    """The folder of --circuits."""
    return os.environ.get("ZKC_CIRCUITS") or None


def _warnings(directory: Path | None, isa: str | None) -> list[dict[str, str]]:
    """Says what nothing uses in the .circ files, and gives it for --json."""
    found = api.circuit_warnings(directory or _circuits() or api.circuits_folder(), isa)
    for warned in found:
        note(warned.text)
    return [{"code": warned.code, "message": warned.message, "where": warned.where} for warned in found]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _stdin(path: Path | None, max_input: int) -> bytes | None:
    if path is None:
        return None
    if str(path) != "-":
        return api.read_input(path, max_input=max_input)
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  # as Python has it when the descriptor is closed
        raise InputError("cannot read the input: stdin is closed", hint="give --input FILE")
    return api.read_input(sys.stdin.buffer, max_input=max_input)


def _inputs(program: Path, input: Path | None) -> list[Path]:
    """What no output may be written over: the files named, and those that the machine is made of."""
    return [program, *([] if input is None else [input]), *api.circuits_folder().glob("*.circ")]


def _leave_stdout_to(output: Path, as_json: bool) -> None:
    """If `output` is stdout, as in `-o /dev/stdout | COMMAND`, all else that would go there goes to stderr: the file is the answer."""
    if is_stdout(output):
        if as_json:
            raise InputError("stdout cannot have both the file and the JSON object", where=str(output), hint="give another -o FILE")
        sys.stdout = sys.stderr  # `standard_streams` puts it back


def _say_what_is_compiled(extensions: Extensions) -> None:
    if not api.executor_is_compiled(extensions):
        note("zkc: compiling the executor; this happens once")


def _compile_first(progress: api.Progress, extensions: Extensions) -> None:
    """Compiles the kernels on all cores if a proof would otherwise compile them one by one."""
    if not api.is_warm(extensions):
        note("zkc: compiling the kernels; this happens once")
        api.warm(_circuits(), extensions=extensions, progress=progress)


def _console(as_json: bool) -> api.Console:
    """Shows what the guest writes as it is written."""

    output = RawOutput()

    def show(file: int, data: bytes) -> None:
        output.write(sys.stdout if file == 1 and not as_json else sys.stderr, file, data)

    return show


def _advice(finding: Finding) -> None:
    """Says what a run is dear for before it is proven."""
    note("\n".join(printable(line) for line in ["zkc: note: " + finding.lines()[0], *finding.lines()[1:]]))


def _name_refused(run: api.Run) -> None:
    """A program that asks for what does not exist may have lost output, and exits with 0 all the same."""
    if run.refused:
        note(f"zkc: environment calls that the machine does not have, answered -38: {describe_calls(run.refused)}")


def _describe_strength(strength: Strength) -> str:
    """The bits and what they rest on; what the claim of the project leaves of them, if that is less."""
    if strength.regime == UNIQUE_DECODING:
        return f"{strength.bits:.0f} bits in unique decoding"
    return f"{strength.bits:.0f} bits ({strength.theorem}); {strength.unique_decoding:.0f} bits in unique decoding"


def _machine_fact(isa: str) -> dict[str, str]:
    """The instruction set of a machine with extensions."""
    return {} if isa == BASE else {"machine": isa}


def _run_facts(run: api.Run) -> dict[str, str]:
    return {
        "image id": run.image_id,
        **_machine_fact(run.isa),
        "exit code": describe_exit(run.exit_code),
        "instructions": f"{describe_count(run.instructions)} in {describe_rate(run.instructions, run.seconds)}",
        "segments": str(run.segments),
        "journal": describe_journal(run.journal),
    }


def _run_values(run: api.Run) -> dict[str, Any]:
    return {
        "image_id": run.image_id,
        "isa": run.isa,
        "exit_code": run.exit_code,
        "instructions": run.instructions,
        "segments": run.segments,
        "cells": run.cells,
        "execute_seconds": run.seconds,
        "console": run.console.hex(),
        "journal": run.journal.hex(),
        "refused_calls": {str(number): count for number, count in run.refused.items()},
    }


def _tree(value: Any, indent: str = "") -> list[str]:
    """Nested facts as indented lines."""
    lines: list[str] = []
    items = value.items() if isinstance(value, dict) else ((f"[{number}]", item) for number, item in enumerate(value))
    for name, item in items:
        nested = isinstance(item, dict) or (isinstance(item, list) and any(isinstance(part, dict) for part in item))
        lines += [f"{indent}{name}:", *_tree(item, indent + "  ")] if nested else [f"{indent}{name}: {item}"]
    return lines


if __name__ == "__main__":
    sys.exit(main())
