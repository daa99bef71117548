CREATE TABLE IF NOT EXISTS spans (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    trace_id LONGTEXT NOT NULL,
    span_id LONGTEXT NOT NULL,
    parent_span_id LONGTEXT NOT NULL,
    trace_state LONGTEXT NOT NULL,
    flags BIGINT NOT NULL,
    name LONGTEXT NOT NULL,
    kind INTEGER NOT NULL,
    start_time BIGINT NOT NULL,
    end_time BIGINT NOT NULL,
    duration_ns BIGINT NOT NULL,
    status_code INTEGER NOT NULL,
    status_message LONGTEXT NOT NULL,
    service LONGTEXT NOT NULL,
    scope_name LONGTEXT NOT NULL,
    scope_version LONGTEXT NOT NULL,
    resource_attributes LONGTEXT NOT NULL,
    span_wire LONGBLOB NOT NULL,
    scope_wire LONGBLOB NOT NULL,
    resource_wire LONGBLOB NOT NULL,
    KEY spans_0 (`trace_id`(191)),
    KEY spans_1 (`start_time`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS log_events (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    trace_id LONGTEXT NOT NULL,
    span_id LONGTEXT NOT NULL,
    time BIGINT NOT NULL,
    event_name LONGTEXT NOT NULL,
    severity INTEGER NOT NULL,
    service LONGTEXT NOT NULL,
    body LONGTEXT NOT NULL,
    attributes LONGTEXT NOT NULL,
    KEY log_events_0 (`trace_id`(191)),
    KEY log_events_1 (`time`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS agent_operations (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    session_id LONGTEXT NOT NULL,
    trace_id LONGTEXT NOT NULL,
    span_id LONGTEXT NOT NULL,
    parent_span_id LONGTEXT NOT NULL,
    name LONGTEXT NOT NULL,
    kind LONGTEXT NOT NULL,
    operation LONGTEXT NOT NULL,
    dialect LONGTEXT NOT NULL,
    agent LONGTEXT NOT NULL,
    service LONGTEXT NOT NULL,
    provider LONGTEXT NOT NULL,
    model LONGTEXT NOT NULL,
    tool LONGTEXT NOT NULL,
    started_at BIGINT NOT NULL,
    duration_ns BIGINT NOT NULL,
    latency_bucket SMALLINT NOT NULL,
    error BOOL NOT NULL,
    error_type LONGTEXT NOT NULL,
    invocations BIGINT NOT NULL,
    llm_calls BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cache_read_tokens BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    `function` LONGTEXT NOT NULL,
    file LONGTEXT NOT NULL,
    line INTEGER NOT NULL,
    revision LONGTEXT NOT NULL,
    final BOOL NOT NULL,
    cost_usd DOUBLE,
    generation BIGINT NOT NULL,
    sign INTEGER NOT NULL,
    KEY agent_operations_0 (`session_id`(191)),
    KEY agent_operations_1 (`started_at`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS agent_handoffs (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    handoff_id LONGTEXT NOT NULL,
    session_id LONGTEXT NOT NULL,
    trace_id LONGTEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    from_agent LONGTEXT NOT NULL,
    to_agent LONGTEXT NOT NULL,
    kind LONGTEXT NOT NULL,
    started_at BIGINT NOT NULL,
    confidence DOUBLE,
    quality DOUBLE,
    quality_confidence DOUBLE,
    evidence LONGTEXT NOT NULL,
    from_span_id LONGTEXT NOT NULL,
    to_span_id LONGTEXT NOT NULL,
    tokens BIGINT NOT NULL,
    final BOOL NOT NULL,
    cost_usd DOUBLE,
    latency_ns BIGINT,
    completed DOUBLE,
    context_kept DOUBLE,
    no_bounce DOUBLE,
    promptness DOUBLE,
    allowed DOUBLE,
    generation BIGINT NOT NULL,
    sign INTEGER NOT NULL,
    KEY agent_handoffs_0 (`session_id`(191)),
    KEY agent_handoffs_1 (`started_at`, `ordinal`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS agents (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    session_id LONGTEXT NOT NULL,
    agent LONGTEXT NOT NULL,
    `role` LONGTEXT NOT NULL,
    type LONGTEXT NOT NULL,
    description LONGTEXT NOT NULL,
    can_handoff_to LONGTEXT NOT NULL,
    models LONGTEXT NOT NULL,
    services LONGTEXT NOT NULL,
    invocations BIGINT NOT NULL,
    llm_calls BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    final BOOL NOT NULL,
    cost_usd DOUBLE,
    generation BIGINT NOT NULL,
    sign INTEGER NOT NULL,
    KEY agents_0 (`session_id`(191)),
    KEY agents_1 (`agent`(191)),
    KEY agents_2 (`ended_at`),
    KEY agents_3 (`started_at`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS sessions (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    session_id LONGTEXT NOT NULL,
    trace_ids LONGTEXT NOT NULL,
    agents LONGTEXT NOT NULL,
    services LONGTEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    duration_ns BIGINT NOT NULL,
    spans BIGINT NOT NULL,
    operations BIGINT NOT NULL,
    handoffs BIGINT NOT NULL,
    llm_calls BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    residual_tokens BIGINT NOT NULL,
    completeness DOUBLE,
    analysis_version INTEGER NOT NULL,
    final BOOL NOT NULL,
    cost_usd DOUBLE,
    drift_score DOUBLE,
    generation BIGINT NOT NULL,
    sign INTEGER NOT NULL,
    KEY sessions_0 (`session_id`(191)),
    KEY sessions_1 (`started_at`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS session_keys (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    `key` LONGTEXT NOT NULL,
    kind LONGTEXT NOT NULL,
    session_id LONGTEXT NOT NULL,
    started_at BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    sign INTEGER NOT NULL,
    KEY session_keys_0 (`session_id`(191)),
    KEY session_keys_1 (`key`(191)),
    KEY session_keys_2 (`started_at`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS token_ledger (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    session_id LONGTEXT NOT NULL,
    trace_id LONGTEXT NOT NULL,
    span_id LONGTEXT NOT NULL,
    above_span_id LONGTEXT NOT NULL,
    span_name LONGTEXT NOT NULL,
    kind LONGTEXT NOT NULL,
    agent LONGTEXT NOT NULL,
    model LONGTEXT NOT NULL,
    started_at BIGINT NOT NULL,
    reported_input_tokens BIGINT NOT NULL,
    reported_output_tokens BIGINT NOT NULL,
    reported_cache_read_tokens BIGINT NOT NULL,
    reported_cache_write_tokens BIGINT NOT NULL,
    reported_reasoning_tokens BIGINT NOT NULL,
    own_input_tokens BIGINT NOT NULL,
    own_output_tokens BIGINT NOT NULL,
    residual_tokens BIGINT NOT NULL,
    rule LONGTEXT NOT NULL,
    conflict BOOL NOT NULL,
    generation BIGINT NOT NULL,
    sign INTEGER NOT NULL,
    KEY token_ledger_0 (`session_id`(191)),
    KEY token_ledger_1 (`started_at`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS context_drift (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    session_id LONGTEXT NOT NULL,
    trace_id LONGTEXT NOT NULL,
    from_agent LONGTEXT NOT NULL,
    to_agent LONGTEXT NOT NULL,
    score DOUBLE,
    method LONGTEXT NOT NULL,
    started_at BIGINT NOT NULL,
    handoff_id LONGTEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    bytes_read BIGINT NOT NULL,
    bytes_cut BIGINT NOT NULL,
    request_kept DOUBLE,
    answer_kept DOUBLE,
    facts_known DOUBLE,
    on_topic DOUBLE,
    growth DOUBLE,
    repeated_prefix DOUBLE,
    tools_changed DOUBLE,
    generation BIGINT NOT NULL,
    sign INTEGER NOT NULL,
    KEY context_drift_0 (`session_id`(191)),
    KEY context_drift_1 (`started_at`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS coordination_graphs (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    session_id LONGTEXT NOT NULL,
    graph LONGTEXT NOT NULL,
    nodes INTEGER NOT NULL,
    edges INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    sign INTEGER NOT NULL,
    KEY coordination_graphs_0 (`session_id`(191)),
    KEY coordination_graphs_1 (`started_at`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS bottlenecks (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    session_id LONGTEXT NOT NULL,
    trace_id LONGTEXT NOT NULL,
    span_id LONGTEXT NOT NULL,
    agent LONGTEXT NOT NULL,
    operation LONGTEXT NOT NULL,
    kind LONGTEXT NOT NULL,
    model LONGTEXT NOT NULL,
    tool LONGTEXT NOT NULL,
    cause LONGTEXT NOT NULL,
    severity LONGTEXT NOT NULL,
    impact_ppm BIGINT NOT NULL,
    agent_impact_ppm BIGINT NOT NULL,
    critical_path_share DOUBLE,
    session_ns BIGINT NOT NULL,
    self_time_ns BIGINT NOT NULL,
    wait_ns BIGINT NOT NULL,
    latency_bucket SMALLINT NOT NULL,
    calls BIGINT NOT NULL,
    path_calls BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    retries BIGINT NOT NULL,
    usual_ns BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    session_tokens BIGINT NOT NULL,
    usual_input_tokens BIGINT NOT NULL,
    saving_ns_low BIGINT NOT NULL,
    saving_ns_high BIGINT NOT NULL,
    serial_ns BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    final BOOL NOT NULL,
    generation BIGINT NOT NULL,
    sign INTEGER NOT NULL,
    KEY bottlenecks_0 (`session_id`(191)),
    KEY bottlenecks_1 (`started_at`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS coalitions (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    session_id LONGTEXT NOT NULL,
    agents LONGTEXT NOT NULL,
    task_type LONGTEXT NOT NULL,
    success BOOL NOT NULL,
    tokens BIGINT NOT NULL,
    duration_ns BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    sign INTEGER NOT NULL,
    KEY coalitions_0 (`session_id`(191)),
    KEY coalitions_1 (`started_at`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS function_usage (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    session_id LONGTEXT NOT NULL,
    `function` LONGTEXT NOT NULL,
    file LONGTEXT NOT NULL,
    line INTEGER NOT NULL,
    revision LONGTEXT NOT NULL,
    agent LONGTEXT NOT NULL,
    model LONGTEXT NOT NULL,
    started_at BIGINT NOT NULL,
    sessions BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    llm_calls BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cache_read_tokens BIGINT NOT NULL,
    cumulative_input_tokens BIGINT NOT NULL,
    cumulative_output_tokens BIGINT NOT NULL,
    duration_ns BIGINT NOT NULL,
    squared_tokens DOUBLE,
    loop_steps BIGINT NOT NULL,
    loop_rises BIGINT NOT NULL,
    loop_growth_tokens BIGINT NOT NULL,
    repeated_tokens BIGINT NOT NULL,
    final BOOL NOT NULL,
    cost_usd DOUBLE,
    generation BIGINT NOT NULL,
    sign INTEGER NOT NULL,
    KEY function_usage_0 (`session_id`(191)),
    KEY function_usage_1 (`started_at`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS function_edges (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    session_id LONGTEXT NOT NULL,
    caller LONGTEXT NOT NULL,
    caller_file LONGTEXT NOT NULL,
    caller_line INTEGER NOT NULL,
    callee LONGTEXT NOT NULL,
    callee_file LONGTEXT NOT NULL,
    callee_line INTEGER NOT NULL,
    revision LONGTEXT NOT NULL,
    started_at BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    duration_ns BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    final BOOL NOT NULL,
    generation BIGINT NOT NULL,
    sign INTEGER NOT NULL,
    KEY function_edges_0 (`session_id`(191)),
    KEY function_edges_1 (`started_at`)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS topology_snapshots (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    snapshot_id LONGTEXT NOT NULL,
    repository_path LONGTEXT NOT NULL,
    commit_hash LONGTEXT NOT NULL,
    scanned_at BIGINT NOT NULL,
    total_modules INTEGER NOT NULL,
    total_functions INTEGER NOT NULL,
    total_dependencies INTEGER NOT NULL,
    circular_dependencies INTEGER NOT NULL,
    scan_version INTEGER NOT NULL,
    graph_data LONGTEXT NOT NULL,
    KEY topology_snapshots_0 (`snapshot_id`(191))
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS code_modules (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    snapshot_id LONGTEXT NOT NULL,
    module_id LONGTEXT NOT NULL,
    module_path LONGTEXT NOT NULL,
    module_name LONGTEXT NOT NULL,
    file_path LONGTEXT NOT NULL,
    line_count INTEGER NOT NULL,
    complexity_score DOUBLE,
    afferent_coupling INTEGER NOT NULL,
    efferent_coupling INTEGER NOT NULL,
    instability DOUBLE,
    last_scanned BIGINT NOT NULL,
    cohesion DOUBLE,
    KEY code_modules_0 (`snapshot_id`(191))
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS code_classes (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    snapshot_id LONGTEXT NOT NULL,
    class_id LONGTEXT NOT NULL,
    module_id LONGTEXT NOT NULL,
    class_name LONGTEXT NOT NULL,
    qualified_name LONGTEXT NOT NULL,
    line_start INTEGER NOT NULL,
    line_end INTEGER NOT NULL,
    bases LONGTEXT NOT NULL,
    methods INTEGER NOT NULL,
    lcom4 INTEGER NOT NULL,
    lcom_hs DOUBLE,
    afferent_coupling INTEGER NOT NULL,
    efferent_coupling INTEGER NOT NULL,
    KEY code_classes_0 (`snapshot_id`(191))
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS code_functions (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    snapshot_id LONGTEXT NOT NULL,
    function_id LONGTEXT NOT NULL,
    module_id LONGTEXT NOT NULL,
    function_name LONGTEXT NOT NULL,
    qualified_name LONGTEXT NOT NULL,
    kind LONGTEXT NOT NULL,
    line_first INTEGER NOT NULL,
    line_start INTEGER NOT NULL,
    line_end INTEGER NOT NULL,
    complexity DOUBLE,
    cognitive_complexity DOUBLE,
    is_async BOOL NOT NULL,
    decorators LONGTEXT NOT NULL,
    docstring LONGTEXT NOT NULL,
    body_hash LONGTEXT NOT NULL,
    KEY code_functions_0 (`snapshot_id`(191))
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS function_calls (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    snapshot_id LONGTEXT NOT NULL,
    call_id LONGTEXT NOT NULL,
    caller_function_id LONGTEXT NOT NULL,
    callee_function_id LONGTEXT NOT NULL,
    caller LONGTEXT NOT NULL,
    callee LONGTEXT NOT NULL,
    found_by LONGTEXT NOT NULL,
    line INTEGER NOT NULL,
    call_count BIGINT NOT NULL,
    total_tokens BIGINT NOT NULL,
    avg_duration_ms DOUBLE,
    avg_tokens_per_call DOUBLE,
    KEY function_calls_0 (`snapshot_id`(191))
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS module_dependencies (
    row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    snapshot_id LONGTEXT NOT NULL,
    dependency_id LONGTEXT NOT NULL,
    from_module_id LONGTEXT NOT NULL,
    to_module_id LONGTEXT NOT NULL,
    from_module LONGTEXT NOT NULL,
    to_module LONGTEXT NOT NULL,
    import_type LONGTEXT NOT NULL,
    scope LONGTEXT NOT NULL,
    line INTEGER NOT NULL,
    is_circular BOOL NOT NULL,
    KEY module_dependencies_0 (`snapshot_id`(191))
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS all_by_agent_hour (
    digest BINARY(32) NOT NULL,
    agent LONGTEXT NOT NULL,
    `rows` BIGINT NOT NULL,
    sum_invocations BIGINT NOT NULL,
    sum_llm_calls BIGINT NOT NULL,
    sum_errors BIGINT NOT NULL,
    sum_input_tokens BIGINT NOT NULL,
    sum_output_tokens BIGINT NOT NULL,
    nano_usd BIGINT NOT NULL,
    priced BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS all_by_agent_bucket_day (
    digest BINARY(32) NOT NULL,
    agent LONGTEXT NOT NULL,
    latency_bucket SMALLINT NOT NULL,
    sum_invocations BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS all_by_agents_hour (
    digest BINARY(32) NOT NULL,
    from_agent LONGTEXT NOT NULL,
    to_agent LONGTEXT NOT NULL,
    `rows` BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS all_by_agents_kind_day (
    digest BINARY(32) NOT NULL,
    from_agent LONGTEXT NOT NULL,
    to_agent LONGTEXT NOT NULL,
    kind LONGTEXT NOT NULL,
    `rows` BIGINT NOT NULL,
    sum_tokens BIGINT NOT NULL,
    nano_usd BIGINT NOT NULL,
    priced BIGINT NOT NULL,
    micro_quality BIGINT NOT NULL,
    sum_latency_ns BIGINT NOT NULL,
    timed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    judged BIGINT NOT NULL,
    outside BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS all_by_team_day (
    digest BINARY(32) NOT NULL,
    task_type LONGTEXT NOT NULL,
    agents LONGTEXT NOT NULL,
    `rows` BIGINT NOT NULL,
    successes BIGINT NOT NULL,
    sum_tokens BIGINT NOT NULL,
    sum_duration_ns BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS by_agent_hour (
    digest BINARY(32) NOT NULL,
    agent LONGTEXT NOT NULL,
    slot BIGINT NOT NULL,
    `rows` BIGINT NOT NULL,
    sum_invocations BIGINT NOT NULL,
    sum_llm_calls BIGINT NOT NULL,
    sum_errors BIGINT NOT NULL,
    sum_input_tokens BIGINT NOT NULL,
    sum_output_tokens BIGINT NOT NULL,
    nano_usd BIGINT NOT NULL,
    priced BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS by_agent_bucket_day (
    digest BINARY(32) NOT NULL,
    agent LONGTEXT NOT NULL,
    latency_bucket SMALLINT NOT NULL,
    slot BIGINT NOT NULL,
    sum_invocations BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS by_agents_hour (
    digest BINARY(32) NOT NULL,
    from_agent LONGTEXT NOT NULL,
    to_agent LONGTEXT NOT NULL,
    slot BIGINT NOT NULL,
    `rows` BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS by_agents_kind_day (
    digest BINARY(32) NOT NULL,
    from_agent LONGTEXT NOT NULL,
    to_agent LONGTEXT NOT NULL,
    kind LONGTEXT NOT NULL,
    slot BIGINT NOT NULL,
    `rows` BIGINT NOT NULL,
    sum_tokens BIGINT NOT NULL,
    nano_usd BIGINT NOT NULL,
    priced BIGINT NOT NULL,
    micro_quality BIGINT NOT NULL,
    sum_latency_ns BIGINT NOT NULL,
    timed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    judged BIGINT NOT NULL,
    outside BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS by_profile_hour (
    digest BINARY(32) NOT NULL,
    agent LONGTEXT NOT NULL,
    `role` LONGTEXT NOT NULL,
    type LONGTEXT NOT NULL,
    description LONGTEXT NOT NULL,
    can_handoff_to LONGTEXT NOT NULL,
    models LONGTEXT NOT NULL,
    services LONGTEXT NOT NULL,
    start_hour BIGINT NOT NULL,
    end_hour BIGINT NOT NULL,
    `rows` BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS by_team_day (
    digest BINARY(32) NOT NULL,
    task_type LONGTEXT NOT NULL,
    agents LONGTEXT NOT NULL,
    slot BIGINT NOT NULL,
    `rows` BIGINT NOT NULL,
    successes BIGINT NOT NULL,
    sum_tokens BIGINT NOT NULL,
    sum_duration_ns BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS by_function (
    digest BINARY(32) NOT NULL,
    `function` LONGTEXT NOT NULL,
    file LONGTEXT NOT NULL,
    sum_llm_calls BIGINT NOT NULL,
    sum_input_tokens BIGINT NOT NULL,
    sum_output_tokens BIGINT NOT NULL,
    sum_cumulative_input_tokens BIGINT NOT NULL,
    sum_cumulative_output_tokens BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS by_place (
    digest BINARY(32) NOT NULL,
    `function` LONGTEXT NOT NULL,
    file LONGTEXT NOT NULL,
    line INTEGER NOT NULL,
    agent LONGTEXT NOT NULL,
    model LONGTEXT NOT NULL,
    `rows` BIGINT NOT NULL,
    sum_sessions BIGINT NOT NULL,
    sum_calls BIGINT NOT NULL,
    sum_llm_calls BIGINT NOT NULL,
    sum_errors BIGINT NOT NULL,
    sum_input_tokens BIGINT NOT NULL,
    sum_output_tokens BIGINT NOT NULL,
    sum_cache_read_tokens BIGINT NOT NULL,
    sum_cumulative_input_tokens BIGINT NOT NULL,
    sum_cumulative_output_tokens BIGINT NOT NULL,
    sum_duration_ns BIGINT NOT NULL,
    sum_loop_steps BIGINT NOT NULL,
    sum_loop_rises BIGINT NOT NULL,
    sum_loop_growth_tokens BIGINT NOT NULL,
    sum_repeated_tokens BIGINT NOT NULL,
    nano_usd BIGINT NOT NULL,
    priced BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS by_ends (
    digest BINARY(32) NOT NULL,
    caller LONGTEXT NOT NULL,
    caller_file LONGTEXT NOT NULL,
    caller_line INTEGER NOT NULL,
    callee LONGTEXT NOT NULL,
    callee_file LONGTEXT NOT NULL,
    callee_line INTEGER NOT NULL,
    sum_calls BIGINT NOT NULL,
    sum_duration_ns BIGINT NOT NULL,
    sum_input_tokens BIGINT NOT NULL,
    sum_output_tokens BIGINT NOT NULL,
    PRIMARY KEY (digest)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS otel_llmops_schema (
    version_num VARCHAR(32) NOT NULL PRIMARY KEY
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS exported_batches (
    name VARCHAR(64) NOT NULL,
    batch_id VARCHAR(191) NOT NULL,
    exported_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (name, batch_id)
) ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;
