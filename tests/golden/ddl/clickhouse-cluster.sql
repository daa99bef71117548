CREATE TABLE IF NOT EXISTS spans_local ON CLUSTER 'main' (
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `parent_span_id` String CODEC(ZSTD(1)),
    `trace_state` String CODEC(ZSTD(1)),
    `flags` UInt32 CODEC(ZSTD(1)),
    `name` String CODEC(ZSTD(1)),
    `kind` Int32 CODEC(ZSTD(1)),
    `start_time` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `end_time` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `duration_ns` Int64 CODEC(ZSTD(1)),
    `status_code` Int32 CODEC(ZSTD(1)),
    `status_message` String CODEC(ZSTD(1)),
    `service` LowCardinality(String) CODEC(ZSTD(1)),
    `scope_name` LowCardinality(String) CODEC(ZSTD(1)),
    `scope_version` LowCardinality(String) CODEC(ZSTD(1)),
    `resource_attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `span_wire` String CODEC(ZSTD(3)),
    `scope_wire` String CODEC(ZSTD(3)),
    `resource_wire` String CODEC(ZSTD(3)),
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/spans_local', '{replica}')
PARTITION BY toYYYYMMDD(least(greatest(start_time, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (trace_id, start_time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 10000, merge_selector_base = 12, min_parts_to_merge_at_once = 24, max_bytes_to_merge_at_max_space_in_pool = 4294967296, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS spans ON CLUSTER 'main' AS spans_local
ENGINE = Distributed('main', currentDatabase(), spans_local, sipHash64(trace_id));

CREATE TABLE IF NOT EXISTS log_events_local ON CLUSTER 'main' (
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `time` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `event_name` LowCardinality(String) CODEC(ZSTD(1)),
    `severity` Int32 CODEC(ZSTD(1)),
    `service` LowCardinality(String) CODEC(ZSTD(1)),
    `body` String CODEC(ZSTD(1)),
    `attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/log_events_local', '{replica}')
PARTITION BY toYYYYMMDD(least(greatest(time, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (trace_id, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 10000, merge_selector_base = 12, min_parts_to_merge_at_once = 24, max_bytes_to_merge_at_max_space_in_pool = 4294967296, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS log_events ON CLUSTER 'main' AS log_events_local
ENGINE = Distributed('main', currentDatabase(), log_events_local, sipHash64(trace_id));

CREATE TABLE IF NOT EXISTS agent_operations_local ON CLUSTER 'main' (
    `session_id` String CODEC(ZSTD(1)),
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `parent_span_id` String CODEC(ZSTD(1)),
    `name` String CODEC(ZSTD(1)),
    `kind` LowCardinality(String) CODEC(ZSTD(1)),
    `operation` LowCardinality(String) CODEC(ZSTD(1)),
    `dialect` LowCardinality(String) CODEC(ZSTD(1)),
    `agent` String CODEC(ZSTD(1)),
    `service` LowCardinality(String) CODEC(ZSTD(1)),
    `provider` LowCardinality(String) CODEC(ZSTD(1)),
    `model` String CODEC(ZSTD(1)),
    `tool` String CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `duration_ns` Int64 CODEC(ZSTD(1)),
    `latency_bucket` Int16 CODEC(ZSTD(1)),
    `error` Bool CODEC(ZSTD(1)),
    `error_type` LowCardinality(String) CODEC(ZSTD(1)),
    `invocations` Int64 CODEC(ZSTD(1)),
    `llm_calls` Int64 CODEC(ZSTD(1)),
    `errors` Int64 CODEC(ZSTD(1)),
    `input_tokens` Int64 CODEC(ZSTD(1)),
    `output_tokens` Int64 CODEC(ZSTD(1)),
    `cache_read_tokens` Int64 CODEC(ZSTD(1)),
    `cache_write_tokens` Int64 CODEC(ZSTD(1)),
    `reasoning_tokens` Int64 CODEC(ZSTD(1)),
    `function` String CODEC(ZSTD(1)),
    `file` String CODEC(ZSTD(1)),
    `line` Int32 CODEC(ZSTD(1)),
    `revision` String CODEC(ZSTD(1)),
    `final` Bool CODEC(ZSTD(1)),
    `cost_usd` Nullable(Float64) CODEC(ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1)),
    PROJECTION by_agent_hour (SELECT `agent`, intDiv(toUnixTimestamp64Nano(`started_at`), 3600000000000), sum(`sign`), sum(`invocations` * `sign`), sum(`llm_calls` * `sign`), sum(`errors` * `sign`), sum(`input_tokens` * `sign`), sum(`output_tokens` * `sign`), sum(CAST(round(coalesce(`cost_usd`, 0.0) * 1000000000.0) AS BIGINT) * `sign`), sum(CAST(coalesce(`cost_usd`, -1.0) >= 0.0 AS INTEGER) * `sign`) GROUP BY `agent`, intDiv(toUnixTimestamp64Nano(`started_at`), 3600000000000)),
    PROJECTION by_agent_bucket_day (SELECT `agent`, `latency_bucket`, intDiv(toUnixTimestamp64Nano(`started_at`), 86400000000000), sum(`invocations` * `sign`) GROUP BY `agent`, `latency_bucket`, intDiv(toUnixTimestamp64Nano(`started_at`), 86400000000000)),
    PROJECTION by_time (SELECT agent, started_at, latency_bucket, invocations, llm_calls, errors, input_tokens, output_tokens, cost_usd, sign ORDER BY started_at)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/agent_operations_local', '{replica}')
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, trace_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS agent_operations ON CLUSTER 'main' AS agent_operations_local
ENGINE = Distributed('main', currentDatabase(), agent_operations_local, sipHash64(session_id));

CREATE TABLE IF NOT EXISTS agent_handoffs_local ON CLUSTER 'main' (
    `handoff_id` String CODEC(ZSTD(1)),
    `session_id` String CODEC(ZSTD(1)),
    `trace_id` String CODEC(ZSTD(1)),
    `ordinal` Int32 CODEC(ZSTD(1)),
    `from_agent` String CODEC(ZSTD(1)),
    `to_agent` String CODEC(ZSTD(1)),
    `kind` LowCardinality(String) CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `confidence` Float64 CODEC(ZSTD(1)),
    `quality` Float64 CODEC(ZSTD(1)),
    `quality_confidence` Float64 CODEC(ZSTD(1)),
    `evidence` String CODEC(ZSTD(1)),
    `from_span_id` String CODEC(ZSTD(1)),
    `to_span_id` String CODEC(ZSTD(1)),
    `tokens` Int64 CODEC(ZSTD(1)),
    `final` Bool CODEC(ZSTD(1)),
    `cost_usd` Nullable(Float64) CODEC(ZSTD(1)),
    `latency_ns` Nullable(Int64) CODEC(ZSTD(1)),
    `completed` Nullable(Float64) CODEC(ZSTD(1)),
    `context_kept` Nullable(Float64) CODEC(ZSTD(1)),
    `no_bounce` Nullable(Float64) CODEC(ZSTD(1)),
    `promptness` Nullable(Float64) CODEC(ZSTD(1)),
    `allowed` Nullable(Float64) CODEC(ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1)),
    PROJECTION by_agents_hour (SELECT `from_agent`, `to_agent`, intDiv(toUnixTimestamp64Nano(`started_at`), 3600000000000), sum(`sign`) GROUP BY `from_agent`, `to_agent`, intDiv(toUnixTimestamp64Nano(`started_at`), 3600000000000)),
    PROJECTION by_agents_kind_day (SELECT `from_agent`, `to_agent`, `kind`, intDiv(toUnixTimestamp64Nano(`started_at`), 86400000000000), sum(`sign`), sum(`tokens` * `sign`), sum(CAST(round(coalesce(`cost_usd`, 0.0) * 1000000000.0) AS BIGINT) * `sign`), sum(CAST(coalesce(`cost_usd`, -1.0) >= 0.0 AS INTEGER) * `sign`), sum(CAST(round(ifNotFinite(`quality`, 0.) * 1000000.0) AS BIGINT) * `sign`), sum(coalesce(`latency_ns`, 0) * `sign`), sum(CAST(coalesce(`latency_ns`, -1.0) >= 0.0 AS INTEGER) * `sign`), sum(CAST(coalesce(`completed`, 1.0) < 0.5 AS INTEGER) * `sign`), sum(CAST(coalesce(`allowed`, -1.0) >= 0.0 AS INTEGER) * `sign`), sum(CAST(coalesce(`allowed`, 1.0) < 0.5 AS INTEGER) * `sign`) GROUP BY `from_agent`, `to_agent`, `kind`, intDiv(toUnixTimestamp64Nano(`started_at`), 86400000000000))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/agent_handoffs_local', '{replica}')
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild', index_granularity = 1024, min_compress_block_size = 8192;

CREATE TABLE IF NOT EXISTS agent_handoffs ON CLUSTER 'main' AS agent_handoffs_local
ENGINE = Distributed('main', currentDatabase(), agent_handoffs_local, sipHash64(session_id));

CREATE TABLE IF NOT EXISTS agents_local ON CLUSTER 'main' (
    `session_id` String CODEC(ZSTD(1)),
    `agent` String CODEC(ZSTD(1)),
    `role` String CODEC(ZSTD(1)),
    `type` LowCardinality(String) CODEC(ZSTD(1)),
    `description` String CODEC(ZSTD(1)),
    `can_handoff_to` String CODEC(ZSTD(1)),
    `models` String CODEC(ZSTD(1)),
    `services` String CODEC(ZSTD(1)),
    `invocations` Int64 CODEC(ZSTD(1)),
    `llm_calls` Int64 CODEC(ZSTD(1)),
    `errors` Int64 CODEC(ZSTD(1)),
    `input_tokens` Int64 CODEC(ZSTD(1)),
    `output_tokens` Int64 CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `ended_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `final` Bool CODEC(ZSTD(1)),
    `cost_usd` Nullable(Float64) CODEC(ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1)),
    PROJECTION by_profile_hour (SELECT `agent`, `role`, `type`, `description`, `can_handoff_to`, `models`, `services`, intDiv(toUnixTimestamp64Nano(`started_at`), 3600000000000), intDiv(toUnixTimestamp64Nano(`ended_at`), 3600000000000), sum(`sign`) GROUP BY `agent`, `role`, `type`, `description`, `can_handoff_to`, `models`, `services`, intDiv(toUnixTimestamp64Nano(`started_at`), 3600000000000), intDiv(toUnixTimestamp64Nano(`ended_at`), 3600000000000))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/agents_local', '{replica}')
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS agents ON CLUSTER 'main' AS agents_local
ENGINE = Distributed('main', currentDatabase(), agents_local, sipHash64(session_id));

CREATE TABLE IF NOT EXISTS sessions_local ON CLUSTER 'main' (
    `session_id` String CODEC(ZSTD(1)),
    `trace_ids` String CODEC(ZSTD(1)),
    `agents` String CODEC(ZSTD(1)),
    `services` String CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `ended_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `duration_ns` Int64 CODEC(ZSTD(1)),
    `spans` Int64 CODEC(ZSTD(1)),
    `operations` Int64 CODEC(ZSTD(1)),
    `handoffs` Int64 CODEC(ZSTD(1)),
    `llm_calls` Int64 CODEC(ZSTD(1)),
    `errors` Int64 CODEC(ZSTD(1)),
    `input_tokens` Int64 CODEC(ZSTD(1)),
    `output_tokens` Int64 CODEC(ZSTD(1)),
    `residual_tokens` Int64 CODEC(ZSTD(1)),
    `completeness` Float64 CODEC(ZSTD(1)),
    `analysis_version` Int32 CODEC(ZSTD(1)),
    `final` Bool CODEC(ZSTD(1)),
    `cost_usd` Nullable(Float64) CODEC(ZSTD(1)),
    `drift_score` Nullable(Float64) CODEC(ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/sessions_local', '{replica}')
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild', index_granularity = 1024, min_compress_block_size = 8192;

CREATE TABLE IF NOT EXISTS sessions ON CLUSTER 'main' AS sessions_local
ENGINE = Distributed('main', currentDatabase(), sessions_local, sipHash64(session_id));

CREATE TABLE IF NOT EXISTS session_keys_local ON CLUSTER 'main' (
    `key` String CODEC(ZSTD(1)),
    `kind` LowCardinality(String) CODEC(ZSTD(1)),
    `session_id` String CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1)),
    PROJECTION by_key (SELECT * ORDER BY key)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/session_keys_local', '{replica}')
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS session_keys ON CLUSTER 'main' AS session_keys_local
ENGINE = Distributed('main', currentDatabase(), session_keys_local, sipHash64(session_id));

CREATE TABLE IF NOT EXISTS token_ledger_local ON CLUSTER 'main' (
    `session_id` String CODEC(ZSTD(1)),
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `above_span_id` String CODEC(ZSTD(1)),
    `span_name` String CODEC(ZSTD(1)),
    `kind` LowCardinality(String) CODEC(ZSTD(1)),
    `agent` String CODEC(ZSTD(1)),
    `model` String CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `reported_input_tokens` Int64 CODEC(ZSTD(1)),
    `reported_output_tokens` Int64 CODEC(ZSTD(1)),
    `reported_cache_read_tokens` Int64 CODEC(ZSTD(1)),
    `reported_cache_write_tokens` Int64 CODEC(ZSTD(1)),
    `reported_reasoning_tokens` Int64 CODEC(ZSTD(1)),
    `own_input_tokens` Int64 CODEC(ZSTD(1)),
    `own_output_tokens` Int64 CODEC(ZSTD(1)),
    `residual_tokens` Int64 CODEC(ZSTD(1)),
    `rule` LowCardinality(String) CODEC(ZSTD(1)),
    `conflict` Bool CODEC(ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/token_ledger_local', '{replica}')
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS token_ledger ON CLUSTER 'main' AS token_ledger_local
ENGINE = Distributed('main', currentDatabase(), token_ledger_local, sipHash64(session_id));

CREATE TABLE IF NOT EXISTS context_drift_local ON CLUSTER 'main' (
    `session_id` String CODEC(ZSTD(1)),
    `trace_id` String CODEC(ZSTD(1)),
    `from_agent` String CODEC(ZSTD(1)),
    `to_agent` String CODEC(ZSTD(1)),
    `score` Float64 CODEC(ZSTD(1)),
    `method` LowCardinality(String) CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `handoff_id` String CODEC(ZSTD(1)),
    `ordinal` Int32 CODEC(ZSTD(1)),
    `bytes_read` Int64 CODEC(ZSTD(1)),
    `bytes_cut` Int64 CODEC(ZSTD(1)),
    `request_kept` Nullable(Float64) CODEC(ZSTD(1)),
    `answer_kept` Nullable(Float64) CODEC(ZSTD(1)),
    `facts_known` Nullable(Float64) CODEC(ZSTD(1)),
    `on_topic` Nullable(Float64) CODEC(ZSTD(1)),
    `growth` Nullable(Float64) CODEC(ZSTD(1)),
    `repeated_prefix` Nullable(Float64) CODEC(ZSTD(1)),
    `tools_changed` Nullable(Float64) CODEC(ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/context_drift_local', '{replica}')
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS context_drift ON CLUSTER 'main' AS context_drift_local
ENGINE = Distributed('main', currentDatabase(), context_drift_local, sipHash64(session_id));

CREATE TABLE IF NOT EXISTS coordination_graphs_local ON CLUSTER 'main' (
    `session_id` String CODEC(ZSTD(1)),
    `graph` String CODEC(ZSTD(1)),
    `nodes` Int32 CODEC(ZSTD(1)),
    `edges` Int32 CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/coordination_graphs_local', '{replica}')
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS coordination_graphs ON CLUSTER 'main' AS coordination_graphs_local
ENGINE = Distributed('main', currentDatabase(), coordination_graphs_local, sipHash64(session_id));

CREATE TABLE IF NOT EXISTS bottlenecks_local ON CLUSTER 'main' (
    `session_id` String CODEC(ZSTD(1)),
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `agent` String CODEC(ZSTD(1)),
    `operation` String CODEC(ZSTD(1)),
    `kind` LowCardinality(String) CODEC(ZSTD(1)),
    `model` String CODEC(ZSTD(1)),
    `tool` String CODEC(ZSTD(1)),
    `cause` LowCardinality(String) CODEC(ZSTD(1)),
    `severity` LowCardinality(String) CODEC(ZSTD(1)),
    `impact_ppm` Int64 CODEC(ZSTD(1)),
    `agent_impact_ppm` Int64 CODEC(ZSTD(1)),
    `critical_path_share` Float64 CODEC(ZSTD(1)),
    `session_ns` Int64 CODEC(ZSTD(1)),
    `self_time_ns` Int64 CODEC(ZSTD(1)),
    `wait_ns` Int64 CODEC(ZSTD(1)),
    `latency_bucket` Int16 CODEC(ZSTD(1)),
    `calls` Int64 CODEC(ZSTD(1)),
    `path_calls` Int64 CODEC(ZSTD(1)),
    `errors` Int64 CODEC(ZSTD(1)),
    `retries` Int64 CODEC(ZSTD(1)),
    `usual_ns` Int64 CODEC(ZSTD(1)),
    `input_tokens` Int64 CODEC(ZSTD(1)),
    `output_tokens` Int64 CODEC(ZSTD(1)),
    `session_tokens` Int64 CODEC(ZSTD(1)),
    `usual_input_tokens` Int64 CODEC(ZSTD(1)),
    `saving_ns_low` Int64 CODEC(ZSTD(1)),
    `saving_ns_high` Int64 CODEC(ZSTD(1)),
    `serial_ns` Int64 CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `final` Bool CODEC(ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/bottlenecks_local', '{replica}')
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS bottlenecks ON CLUSTER 'main' AS bottlenecks_local
ENGINE = Distributed('main', currentDatabase(), bottlenecks_local, sipHash64(session_id));

CREATE TABLE IF NOT EXISTS coalitions_local ON CLUSTER 'main' (
    `session_id` String CODEC(ZSTD(1)),
    `agents` String CODEC(ZSTD(1)),
    `task_type` String CODEC(ZSTD(1)),
    `success` Bool CODEC(ZSTD(1)),
    `tokens` Int64 CODEC(ZSTD(1)),
    `duration_ns` Int64 CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1)),
    PROJECTION by_team_day (SELECT `task_type`, `agents`, intDiv(toUnixTimestamp64Nano(`started_at`), 86400000000000), sum(`sign`), sum(CAST(`success` AS INTEGER) * `sign`), sum(`tokens` * `sign`), sum(`duration_ns` * `sign`) GROUP BY `task_type`, `agents`, intDiv(toUnixTimestamp64Nano(`started_at`), 86400000000000))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/coalitions_local', '{replica}')
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS coalitions ON CLUSTER 'main' AS coalitions_local
ENGINE = Distributed('main', currentDatabase(), coalitions_local, sipHash64(session_id));

CREATE TABLE IF NOT EXISTS function_usage_local ON CLUSTER 'main' (
    `session_id` String CODEC(ZSTD(1)),
    `function` String CODEC(ZSTD(1)),
    `file` String CODEC(ZSTD(1)),
    `line` Int32 CODEC(ZSTD(1)),
    `revision` String CODEC(ZSTD(1)),
    `agent` String CODEC(ZSTD(1)),
    `model` String CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `sessions` Int64 CODEC(ZSTD(1)),
    `calls` Int64 CODEC(ZSTD(1)),
    `llm_calls` Int64 CODEC(ZSTD(1)),
    `errors` Int64 CODEC(ZSTD(1)),
    `input_tokens` Int64 CODEC(ZSTD(1)),
    `output_tokens` Int64 CODEC(ZSTD(1)),
    `cache_read_tokens` Int64 CODEC(ZSTD(1)),
    `cumulative_input_tokens` Int64 CODEC(ZSTD(1)),
    `cumulative_output_tokens` Int64 CODEC(ZSTD(1)),
    `duration_ns` Int64 CODEC(ZSTD(1)),
    `squared_tokens` Float64 CODEC(ZSTD(1)),
    `loop_steps` Int64 CODEC(ZSTD(1)),
    `loop_rises` Int64 CODEC(ZSTD(1)),
    `loop_growth_tokens` Int64 CODEC(ZSTD(1)),
    `repeated_tokens` Int64 CODEC(ZSTD(1)),
    `final` Bool CODEC(ZSTD(1)),
    `cost_usd` Nullable(Float64) CODEC(ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1)),
    PROJECTION by_function (SELECT `function`, `file`, sum(`llm_calls` * `sign`), sum(`input_tokens` * `sign`), sum(`output_tokens` * `sign`), sum(`cumulative_input_tokens` * `sign`), sum(`cumulative_output_tokens` * `sign`) GROUP BY `function`, `file`),
    PROJECTION by_place (SELECT `function`, `file`, `line`, `agent`, `model`, sum(`sign`), sum(`sessions` * `sign`), sum(`calls` * `sign`), sum(`llm_calls` * `sign`), sum(`errors` * `sign`), sum(`input_tokens` * `sign`), sum(`output_tokens` * `sign`), sum(`cache_read_tokens` * `sign`), sum(`cumulative_input_tokens` * `sign`), sum(`cumulative_output_tokens` * `sign`), sum(`duration_ns` * `sign`), sum(`loop_steps` * `sign`), sum(`loop_rises` * `sign`), sum(`loop_growth_tokens` * `sign`), sum(`repeated_tokens` * `sign`), sum(CAST(round(coalesce(`cost_usd`, 0.0) * 1000000000.0) AS BIGINT) * `sign`), sum(CAST(coalesce(`cost_usd`, -1.0) >= 0.0 AS INTEGER) * `sign`) GROUP BY `function`, `file`, `line`, `agent`, `model`)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/function_usage_local', '{replica}')
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS function_usage ON CLUSTER 'main' AS function_usage_local
ENGINE = Distributed('main', currentDatabase(), function_usage_local, sipHash64(session_id));

CREATE TABLE IF NOT EXISTS function_edges_local ON CLUSTER 'main' (
    `session_id` String CODEC(ZSTD(1)),
    `caller` String CODEC(ZSTD(1)),
    `caller_file` String CODEC(ZSTD(1)),
    `caller_line` Int32 CODEC(ZSTD(1)),
    `callee` String CODEC(ZSTD(1)),
    `callee_file` String CODEC(ZSTD(1)),
    `callee_line` Int32 CODEC(ZSTD(1)),
    `revision` String CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `calls` Int64 CODEC(ZSTD(1)),
    `duration_ns` Int64 CODEC(ZSTD(1)),
    `input_tokens` Int64 CODEC(ZSTD(1)),
    `output_tokens` Int64 CODEC(ZSTD(1)),
    `final` Bool CODEC(ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1)),
    PROJECTION by_ends (SELECT `caller`, `caller_file`, `caller_line`, `callee`, `callee_file`, `callee_line`, sum(`calls` * `sign`), sum(`duration_ns` * `sign`), sum(`input_tokens` * `sign`), sum(`output_tokens` * `sign`) GROUP BY `caller`, `caller_file`, `caller_line`, `callee`, `callee_file`, `callee_line`)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/function_edges_local', '{replica}')
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS function_edges ON CLUSTER 'main' AS function_edges_local
ENGINE = Distributed('main', currentDatabase(), function_edges_local, sipHash64(session_id));

CREATE TABLE IF NOT EXISTS topology_snapshots_local ON CLUSTER 'main' (
    `snapshot_id` String CODEC(ZSTD(1)),
    `repository_path` String CODEC(ZSTD(1)),
    `commit_hash` String CODEC(ZSTD(1)),
    `scanned_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `total_modules` Int32 CODEC(ZSTD(1)),
    `total_functions` Int32 CODEC(ZSTD(1)),
    `total_dependencies` Int32 CODEC(ZSTD(1)),
    `circular_dependencies` Int32 CODEC(ZSTD(1)),
    `scan_version` Int32 CODEC(ZSTD(1)),
    `graph_data` String CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/topology_snapshots_local', '{replica}')
PARTITION BY snapshot_id
ORDER BY (snapshot_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10;

CREATE TABLE IF NOT EXISTS topology_snapshots ON CLUSTER 'main' AS topology_snapshots_local
ENGINE = Distributed('main', currentDatabase(), topology_snapshots_local, sipHash64(snapshot_id));

CREATE TABLE IF NOT EXISTS code_modules_local ON CLUSTER 'main' (
    `snapshot_id` String CODEC(ZSTD(1)),
    `module_id` String CODEC(ZSTD(1)),
    `module_path` String CODEC(ZSTD(1)),
    `module_name` String CODEC(ZSTD(1)),
    `file_path` String CODEC(ZSTD(1)),
    `line_count` Int32 CODEC(ZSTD(1)),
    `complexity_score` Float64 CODEC(ZSTD(1)),
    `afferent_coupling` Int32 CODEC(ZSTD(1)),
    `efferent_coupling` Int32 CODEC(ZSTD(1)),
    `instability` Float64 CODEC(ZSTD(1)),
    `last_scanned` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `cohesion` Nullable(Float64) CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/code_modules_local', '{replica}')
PARTITION BY snapshot_id
ORDER BY (module_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10;

CREATE TABLE IF NOT EXISTS code_modules ON CLUSTER 'main' AS code_modules_local
ENGINE = Distributed('main', currentDatabase(), code_modules_local, sipHash64(snapshot_id));

CREATE TABLE IF NOT EXISTS code_classes_local ON CLUSTER 'main' (
    `snapshot_id` String CODEC(ZSTD(1)),
    `class_id` String CODEC(ZSTD(1)),
    `module_id` String CODEC(ZSTD(1)),
    `class_name` String CODEC(ZSTD(1)),
    `qualified_name` String CODEC(ZSTD(1)),
    `line_start` Int32 CODEC(ZSTD(1)),
    `line_end` Int32 CODEC(ZSTD(1)),
    `bases` String CODEC(ZSTD(1)),
    `methods` Int32 CODEC(ZSTD(1)),
    `lcom4` Int32 CODEC(ZSTD(1)),
    `lcom_hs` Float64 CODEC(ZSTD(1)),
    `afferent_coupling` Int32 CODEC(ZSTD(1)),
    `efferent_coupling` Int32 CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/code_classes_local', '{replica}')
PARTITION BY snapshot_id
ORDER BY (module_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10;

CREATE TABLE IF NOT EXISTS code_classes ON CLUSTER 'main' AS code_classes_local
ENGINE = Distributed('main', currentDatabase(), code_classes_local, sipHash64(snapshot_id));

CREATE TABLE IF NOT EXISTS code_functions_local ON CLUSTER 'main' (
    `snapshot_id` String CODEC(ZSTD(1)),
    `function_id` String CODEC(ZSTD(1)),
    `module_id` String CODEC(ZSTD(1)),
    `function_name` String CODEC(ZSTD(1)),
    `qualified_name` String CODEC(ZSTD(1)),
    `kind` LowCardinality(String) CODEC(ZSTD(1)),
    `line_first` Int32 CODEC(ZSTD(1)),
    `line_start` Int32 CODEC(ZSTD(1)),
    `line_end` Int32 CODEC(ZSTD(1)),
    `complexity` Float64 CODEC(ZSTD(1)),
    `cognitive_complexity` Float64 CODEC(ZSTD(1)),
    `is_async` Bool CODEC(ZSTD(1)),
    `decorators` String CODEC(ZSTD(1)),
    `docstring` String CODEC(ZSTD(1)),
    `body_hash` String CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/code_functions_local', '{replica}')
PARTITION BY snapshot_id
ORDER BY (module_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10;

CREATE TABLE IF NOT EXISTS code_functions ON CLUSTER 'main' AS code_functions_local
ENGINE = Distributed('main', currentDatabase(), code_functions_local, sipHash64(snapshot_id));

CREATE TABLE IF NOT EXISTS function_calls_local ON CLUSTER 'main' (
    `snapshot_id` String CODEC(ZSTD(1)),
    `call_id` String CODEC(ZSTD(1)),
    `caller_function_id` String CODEC(ZSTD(1)),
    `callee_function_id` String CODEC(ZSTD(1)),
    `caller` String CODEC(ZSTD(1)),
    `callee` String CODEC(ZSTD(1)),
    `found_by` LowCardinality(String) CODEC(ZSTD(1)),
    `line` Int32 CODEC(ZSTD(1)),
    `call_count` Int64 CODEC(ZSTD(1)),
    `total_tokens` Int64 CODEC(ZSTD(1)),
    `avg_duration_ms` Nullable(Float64) CODEC(ZSTD(1)),
    `avg_tokens_per_call` Nullable(Float64) CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/function_calls_local', '{replica}')
PARTITION BY snapshot_id
ORDER BY (caller_function_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10;

CREATE TABLE IF NOT EXISTS function_calls ON CLUSTER 'main' AS function_calls_local
ENGINE = Distributed('main', currentDatabase(), function_calls_local, sipHash64(snapshot_id));

CREATE TABLE IF NOT EXISTS module_dependencies_local ON CLUSTER 'main' (
    `snapshot_id` String CODEC(ZSTD(1)),
    `dependency_id` String CODEC(ZSTD(1)),
    `from_module_id` String CODEC(ZSTD(1)),
    `to_module_id` String CODEC(ZSTD(1)),
    `from_module` String CODEC(ZSTD(1)),
    `to_module` String CODEC(ZSTD(1)),
    `import_type` LowCardinality(String) CODEC(ZSTD(1)),
    `scope` LowCardinality(String) CODEC(ZSTD(1)),
    `line` Int32 CODEC(ZSTD(1)),
    `is_circular` Bool CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/module_dependencies_local', '{replica}')
PARTITION BY snapshot_id
ORDER BY (from_module_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10;

CREATE TABLE IF NOT EXISTS module_dependencies ON CLUSTER 'main' AS module_dependencies_local
ENGINE = Distributed('main', currentDatabase(), module_dependencies_local, sipHash64(snapshot_id));

CREATE TABLE IF NOT EXISTS otel_llmops_schema ON CLUSTER 'main' (
    `version_num` String
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{database}/otel_llmops_schema', '{shard}-{replica}')
ORDER BY version_num;

INSERT INTO otel_llmops_schema (version_num) VALUES ('0002');
