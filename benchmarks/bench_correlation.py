"""How many spans of real programs are laid onto the function that made them.

    python -m benchmarks.bench_correlation [NAME ...]

Programs that know nothing of spans, as installed: their package is scanned, then they run under
our span processor while every Nth call of one of their functions makes a span. Who made it is
written down apart, by `sys.setprofile` (tests/support/profiled.py). Each is counted twice: with
the package where it was scanned, and as a copy in another folder.
"""

import argparse
import importlib.util
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from otel_llmops.topology.scan import scan
from tests.support.laid import Score, profiled, score


@dataclass(frozen=True)
class Program:
    """A package, what to run of it, and how many calls make a span."""

    package: str
    source: str
    every: int


PROGRAMS = (
    Program(
        "rich",
        """
        import rich.__main__, io
        from rich.console import Console
        from rich.markdown import Markdown
        from rich.syntax import Syntax
        console = Console(file=io.StringIO(), width=100)
        console.print(rich.__main__.make_test_card())
        console.print(Markdown("# head\\n\\n- one\\n- two\\n\\n```python\\nx = 1\\n```\\n"))
        console.print(Syntax(open(rich.__main__.__file__).read(), "python"))
        """,
        40,
    ),
    Program(
        "networkx",
        """
        import networkx as nx
        graph = nx.les_miserables_graph()
        for algorithm in (nx.pagerank, nx.betweenness_centrality, nx.closeness_centrality,
                          nx.clustering, nx.core_number, nx.greedy_color):
            try:
                algorithm(graph)
            except ImportError:
                pass
        list(nx.strongly_connected_components(nx.gnp_random_graph(60, 0.05, directed=True)))
        list(nx.find_cliques(graph)), nx.minimum_spanning_tree(graph), nx.to_dict_of_lists(graph)
        nx.community.louvain_communities(graph, seed=1), list(nx.dfs_edges(graph))
        """,
        40,
    ),
    Program(
        "sqlalchemy",
        """
        import sqlalchemy as sa
        from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
        class Base(DeclarativeBase): pass
        class User(Base):
            __tablename__ = "users"
            id: Mapped[int] = mapped_column(primary_key=True)
            name: Mapped[str]
            notes: Mapped[list["Note"]] = relationship(back_populates="user")
        class Note(Base):
            __tablename__ = "notes"
            id: Mapped[int] = mapped_column(primary_key=True)
            user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
            user: Mapped[User] = relationship(back_populates="notes")
        engine = sa.create_engine("sqlite://")
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all([User(name=f"u{n}", notes=[Note(), Note()]) for n in range(20)])
            session.commit()
            for user in session.scalars(sa.select(User).where(User.name.like("u1%"))):
                len(user.notes)
        """,
        60,
    ),
    Program(
        "graphql",
        """
        from graphql import build_schema, graphql_sync, introspection_from_schema
        schema = build_schema("type Query { a(x: Int!): [B!]! } type B { c: String d: B }")
        introspection_from_schema(schema)
        graphql_sync(schema, "{ a(x: 1) { ...f } } fragment f on B { c d { c } }",
                     {"a": lambda *_, x: [{"c": "1", "d": {"c": "2"}}] * 20})
        """,
        20,
    ),
    Program(
        "pygments",
        """
        import pygments.lexers, pygments.formatters, pygments
        text = open(pygments.lexers.__file__).read()
        for name in ("python", "json", "html", "c", "sql", "bash"):
            pygments.highlight(text[:4000], pygments.lexers.get_lexer_by_name(name),
                               pygments.formatters.HtmlFormatter())
        """,
        20,
    ),
)


def runs(program: Program) -> Iterator[tuple[str, Score, int, float]]:
    """Where it ran, the score, how many functions made spans, and the seconds of the scan."""
    spec = importlib.util.find_spec(program.package)
    assert spec is not None
    assert spec.origin is not None
    installed = Path(spec.origin).parent
    begun = time.perf_counter()
    tables = scan(installed, cache=None, workers=0).tables
    seconds = time.perf_counter() - begun
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "program.py"
        lines = program.source.strip("\n").splitlines()
        script.write_text("\n".join(line[8:] for line in lines))
        copy = Path(folder) / "srv" / "app" / program.package
        shutil.copytree(installed, copy)
        for where, root in (("in place", installed), ("copied", copy)):
            out = Path(folder) / "spans.json"
            run = profiled(root, script, every=program.every, out=out, path=[root.parent])
            makers = {(true[0], true[1]) for _, true in run.spans if true[0]}
            yield where, score(run, tables, root), len(makers), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--wrong", type=int, default=0, help="show so many that were laid wrong")
    given = parser.parse_args()
    print("| program | ran | spans | functions | right | laid by | scan, s |")
    print("| --- | --- | ---: | ---: | ---: | --- | ---: |")
    for program in PROGRAMS:
        if given.names and program.package not in given.names:
            continue
        for where, found, makers, seconds in runs(program):
            how = ", ".join(f"{name} {count:,}" for name, count in found.how.most_common())
            print(
                f"| {program.package} | {where} | {found.spans:,} | {makers:,} | "
                f"{found.share:.2%} | {how} | {seconds:.1f} |",
                flush=True,
            )
            for (place, true, reason), count in found.wrong.most_common(given.wrong):
                print(f"    {count} {reason}: {place} is {true}")


if __name__ == "__main__":
    main()
