CREATE TABLE IF NOT EXISTS spans (
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
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(least(greatest(start_time, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (trace_id, start_time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000, merge_selector_base = 12, min_parts_to_merge_at_once = 24, max_bytes_to_merge_at_max_space_in_pool = 4294967296, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS log_events (
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
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(least(greatest(time, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (trace_id, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000, merge_selector_base = 12, min_parts_to_merge_at_once = 24, max_bytes_to_merge_at_max_space_in_pool = 4294967296, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS agent_operations (
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
ENGINE = MergeTree
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, trace_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS agent_handoffs (
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
ENGINE = MergeTree
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild', index_granularity = 1024, min_compress_block_size = 8192;

CREATE TABLE IF NOT EXISTS agents (
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
ENGINE = MergeTree
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS sessions (
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
ENGINE = MergeTree
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild', index_granularity = 1024, min_compress_block_size = 8192;

CREATE TABLE IF NOT EXISTS session_keys (
    `key` String CODEC(ZSTD(1)),
    `kind` LowCardinality(String) CODEC(ZSTD(1)),
    `session_id` String CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1)),
    PROJECTION by_key (SELECT * ORDER BY key)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS token_ledger (
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
ENGINE = MergeTree
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS context_drift (
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
ENGINE = MergeTree
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS coordination_graphs (
    `session_id` String CODEC(ZSTD(1)),
    `graph` String CODEC(ZSTD(1)),
    `nodes` Int32 CODEC(ZSTD(1)),
    `edges` Int32 CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    `generation` Int64 CODEC(ZSTD(1)),
    `sign` Int32 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS bottlenecks (
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
ENGINE = MergeTree
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS coalitions (
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
ENGINE = MergeTree
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS function_usage (
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
ENGINE = MergeTree
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS function_edges (
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
ENGINE = MergeTree
PARTITION BY toYYYYMM(least(greatest(started_at, toDateTime64('2020-01-01', 9, 'UTC')), toDateTime64('2050-01-01', 9, 'UTC')))
ORDER BY (session_id, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10, enable_block_number_column = 1, enable_block_offset_column = 1, lightweight_mutation_projection_mode = 'rebuild';

CREATE TABLE IF NOT EXISTS topology_snapshots (
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
ENGINE = MergeTree
PARTITION BY snapshot_id
ORDER BY (snapshot_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10;

CREATE TABLE IF NOT EXISTS code_modules (
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
ENGINE = MergeTree
PARTITION BY snapshot_id
ORDER BY (module_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10;

CREATE TABLE IF NOT EXISTS code_classes (
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
ENGINE = MergeTree
PARTITION BY snapshot_id
ORDER BY (module_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10;

CREATE TABLE IF NOT EXISTS code_functions (
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
ENGINE = MergeTree
PARTITION BY snapshot_id
ORDER BY (module_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10;

CREATE TABLE IF NOT EXISTS function_calls (
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
ENGINE = MergeTree
PARTITION BY snapshot_id
ORDER BY (caller_function_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10;

CREATE TABLE IF NOT EXISTS module_dependencies (
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
ENGINE = MergeTree
PARTITION BY snapshot_id
ORDER BY (from_module_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_parts_to_merge_at_once = 10;

CREATE TABLE IF NOT EXISTS otel_llmops_schema (
    `version_num` String
)
ENGINE = MergeTree
ORDER BY version_num;
