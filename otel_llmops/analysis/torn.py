"""Parents that never came: a placeholder for each, so that what hung below one stays together.

Strategy: a parent that is named and absent is known by its id, and by the time that its children
span; nothing else is made up. A placeholder says nothing and counts nothing: it is only the place
where siblings meet.
"""

import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.columns import whole

__all__ = ["placeholders"]


def placeholders(spans: pa.Table) -> pa.Table:
    """A row for every parent that is named but not there.

    In:   SPANS, n rows.
    Out:  SPANS, one row for each absent (trace id, parent span id): a root without a name, from
          the start of its first child to the end of its last, of the service of one of them.
    Edge: A span without a parent id is a root, nothing is absent.
    Cost: O(n).
    """
    trace, own, parent = (
        whole(spans.column(name)) for name in ("trace_id", "span_id", "parent_span_id")
    )
    known = pc.binary_join_element_wise(trace, own, "")
    named = pc.binary_join_element_wise(trace, parent, "")
    absent = pc.and_(pc.not_equal(parent, ""), pc.invert(pc.is_in(named, value_set=known)))
    if not pc.any(absent).as_py():
        return spans.schema.empty_table()
    times = ("start_time", "end_time")
    torn = spans.select(["trace_id", "parent_span_id", "service", *times]).filter(absent)
    met = torn.group_by(["trace_id", "parent_span_id"], use_threads=False).aggregate(
        [("start_time", "min"), ("end_time", "max"), ("service", "min")]
    )
    start = whole(met.column("start_time_min"))
    last = whole(met.column("end_time_max"))
    end = pc.if_else(pc.less(last, start), start, last)
    told = {
        "trace_id": met.column("trace_id"),
        "span_id": met.column("parent_span_id"),
        "service": met.column("service_min"),
        "start_time": start,
        "end_time": end,
        "duration_ns": pc.subtract(end.cast(pa.int64()), start.cast(pa.int64())),
    }
    columns = {
        field.name: told.get(field.name, _nothing(field.type, len(start))) for field in spans.schema
    }
    return pa.table(columns, schema=spans.schema)


def _nothing(kind: pa.DataType, rows: int) -> pa.Array:
    """Values that say nothing: empty text and bytes, empty maps and lists, zeros."""
    if pa.types.is_nested(kind):
        return pa.array([[]] * rows, type=kind)
    empty = {pa.string(): "", pa.binary(): b""}.get(kind, 0)
    return pa.repeat(pa.scalar(empty, kind), rows)
