CREATE TABLE IF NOT EXISTS spans (
	trace_id VARCHAR COLLATE "C" NOT NULL, 
	span_id VARCHAR COLLATE "C" NOT NULL, 
	parent_span_id VARCHAR COLLATE "C" NOT NULL, 
	trace_state VARCHAR COLLATE "C" NOT NULL, 
	flags BIGINT NOT NULL, 
	name VARCHAR COLLATE "C" NOT NULL, 
	kind INTEGER NOT NULL, 
	start_time BIGINT NOT NULL, 
	end_time BIGINT NOT NULL, 
	duration_ns BIGINT NOT NULL, 
	status_code INTEGER NOT NULL, 
	status_message VARCHAR COLLATE "C" NOT NULL, 
	service VARCHAR COLLATE "C" NOT NULL, 
	scope_name VARCHAR COLLATE "C" NOT NULL, 
	scope_version VARCHAR COLLATE "C" NOT NULL, 
	resource_attributes JSONB NOT NULL, 
	span_wire BYTEA NOT NULL, 
	scope_wire BYTEA NOT NULL, 
	resource_wire BYTEA NOT NULL
) PARTITION BY RANGE (start_time);

CREATE TABLE IF NOT EXISTS spans_rest PARTITION OF spans DEFAULT;

CREATE INDEX IF NOT EXISTS spans_0 ON spans (trace_id);

CREATE TABLE IF NOT EXISTS log_events (
	trace_id VARCHAR COLLATE "C" NOT NULL, 
	span_id VARCHAR COLLATE "C" NOT NULL, 
	time BIGINT NOT NULL, 
	event_name VARCHAR COLLATE "C" NOT NULL, 
	severity INTEGER NOT NULL, 
	service VARCHAR COLLATE "C" NOT NULL, 
	body VARCHAR COLLATE "C" NOT NULL, 
	attributes JSONB NOT NULL
) PARTITION BY RANGE (time);

CREATE TABLE IF NOT EXISTS log_events_rest PARTITION OF log_events DEFAULT;

CREATE INDEX IF NOT EXISTS log_events_0 ON log_events (trace_id);

CREATE TABLE IF NOT EXISTS agent_operations (
	session_id VARCHAR COLLATE "C" NOT NULL, 
	trace_id VARCHAR COLLATE "C" NOT NULL, 
	span_id VARCHAR COLLATE "C" NOT NULL, 
	parent_span_id VARCHAR COLLATE "C" NOT NULL, 
	name VARCHAR COLLATE "C" NOT NULL, 
	kind VARCHAR COLLATE "C" NOT NULL, 
	operation VARCHAR COLLATE "C" NOT NULL, 
	dialect VARCHAR COLLATE "C" NOT NULL, 
	agent VARCHAR COLLATE "C" NOT NULL, 
	service VARCHAR COLLATE "C" NOT NULL, 
	provider VARCHAR COLLATE "C" NOT NULL, 
	model VARCHAR COLLATE "C" NOT NULL, 
	tool VARCHAR COLLATE "C" NOT NULL, 
	started_at BIGINT NOT NULL, 
	duration_ns BIGINT NOT NULL, 
	latency_bucket SMALLINT NOT NULL, 
	error BOOLEAN NOT NULL, 
	error_type VARCHAR COLLATE "C" NOT NULL, 
	invocations BIGINT NOT NULL, 
	llm_calls BIGINT NOT NULL, 
	errors BIGINT NOT NULL, 
	input_tokens BIGINT NOT NULL, 
	output_tokens BIGINT NOT NULL, 
	cache_read_tokens BIGINT NOT NULL, 
	cache_write_tokens BIGINT NOT NULL, 
	reasoning_tokens BIGINT NOT NULL, 
	function VARCHAR COLLATE "C" NOT NULL, 
	file VARCHAR COLLATE "C" NOT NULL, 
	line INTEGER NOT NULL, 
	revision VARCHAR COLLATE "C" NOT NULL, 
	final BOOLEAN NOT NULL, 
	cost_usd DOUBLE PRECISION, 
	generation BIGINT NOT NULL, 
	sign INTEGER NOT NULL
) PARTITION BY RANGE (started_at);

CREATE TABLE IF NOT EXISTS agent_operations_rest PARTITION OF agent_operations DEFAULT;

CREATE INDEX IF NOT EXISTS agent_operations_0 ON agent_operations (session_id);

CREATE INDEX IF NOT EXISTS agent_operations_1 ON agent_operations USING brin (started_at) WITH (pages_per_range = 32);

CREATE TABLE IF NOT EXISTS agent_handoffs (
	handoff_id VARCHAR COLLATE "C" NOT NULL, 
	session_id VARCHAR COLLATE "C" NOT NULL, 
	trace_id VARCHAR COLLATE "C" NOT NULL, 
	ordinal INTEGER NOT NULL, 
	from_agent VARCHAR COLLATE "C" NOT NULL, 
	to_agent VARCHAR COLLATE "C" NOT NULL, 
	kind VARCHAR COLLATE "C" NOT NULL, 
	started_at BIGINT NOT NULL, 
	confidence DOUBLE PRECISION NOT NULL, 
	quality DOUBLE PRECISION NOT NULL, 
	quality_confidence DOUBLE PRECISION NOT NULL, 
	evidence VARCHAR COLLATE "C" NOT NULL, 
	from_span_id VARCHAR COLLATE "C" NOT NULL, 
	to_span_id VARCHAR COLLATE "C" NOT NULL, 
	tokens BIGINT NOT NULL, 
	final BOOLEAN NOT NULL, 
	cost_usd DOUBLE PRECISION, 
	latency_ns BIGINT, 
	completed DOUBLE PRECISION, 
	context_kept DOUBLE PRECISION, 
	no_bounce DOUBLE PRECISION, 
	promptness DOUBLE PRECISION, 
	allowed DOUBLE PRECISION, 
	generation BIGINT NOT NULL, 
	sign INTEGER NOT NULL
) PARTITION BY RANGE (started_at);

CREATE TABLE IF NOT EXISTS agent_handoffs_rest PARTITION OF agent_handoffs DEFAULT;

CREATE INDEX IF NOT EXISTS agent_handoffs_0 ON agent_handoffs (session_id);

CREATE INDEX IF NOT EXISTS agent_handoffs_1 ON agent_handoffs (started_at, ordinal, session_id, handoff_id);

CREATE TABLE IF NOT EXISTS agents (
	session_id VARCHAR COLLATE "C" NOT NULL, 
	agent VARCHAR COLLATE "C" NOT NULL, 
	role VARCHAR COLLATE "C" NOT NULL, 
	type VARCHAR COLLATE "C" NOT NULL, 
	description VARCHAR COLLATE "C" NOT NULL, 
	can_handoff_to VARCHAR COLLATE "C" NOT NULL, 
	models VARCHAR COLLATE "C" NOT NULL, 
	services VARCHAR COLLATE "C" NOT NULL, 
	invocations BIGINT NOT NULL, 
	llm_calls BIGINT NOT NULL, 
	errors BIGINT NOT NULL, 
	input_tokens BIGINT NOT NULL, 
	output_tokens BIGINT NOT NULL, 
	started_at BIGINT NOT NULL, 
	ended_at BIGINT NOT NULL, 
	final BOOLEAN NOT NULL, 
	cost_usd DOUBLE PRECISION, 
	generation BIGINT NOT NULL, 
	sign INTEGER NOT NULL
) PARTITION BY RANGE (started_at);

CREATE TABLE IF NOT EXISTS agents_rest PARTITION OF agents DEFAULT;

CREATE INDEX IF NOT EXISTS agents_0 ON agents (session_id);

CREATE INDEX IF NOT EXISTS agents_1 ON agents USING hash (agent);

CREATE INDEX IF NOT EXISTS agents_2 ON agents (started_at);

CREATE INDEX IF NOT EXISTS agents_3 ON agents (ended_at);

CREATE TABLE IF NOT EXISTS sessions (
	session_id VARCHAR COLLATE "C" NOT NULL, 
	trace_ids VARCHAR COLLATE "C" NOT NULL, 
	agents VARCHAR COLLATE "C" NOT NULL, 
	services VARCHAR COLLATE "C" NOT NULL, 
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
	completeness DOUBLE PRECISION NOT NULL, 
	analysis_version INTEGER NOT NULL, 
	final BOOLEAN NOT NULL, 
	cost_usd DOUBLE PRECISION, 
	drift_score DOUBLE PRECISION, 
	generation BIGINT NOT NULL, 
	sign INTEGER NOT NULL
) PARTITION BY RANGE (started_at);

CREATE TABLE IF NOT EXISTS sessions_rest PARTITION OF sessions DEFAULT;

CREATE INDEX IF NOT EXISTS sessions_0 ON sessions (session_id);

CREATE INDEX IF NOT EXISTS sessions_1 ON sessions (started_at DESC, session_id);

CREATE TABLE IF NOT EXISTS session_keys (
	key VARCHAR COLLATE "C" NOT NULL, 
	kind VARCHAR COLLATE "C" NOT NULL, 
	session_id VARCHAR COLLATE "C" NOT NULL, 
	started_at BIGINT NOT NULL, 
	generation BIGINT NOT NULL, 
	sign INTEGER NOT NULL
) PARTITION BY RANGE (started_at);

CREATE TABLE IF NOT EXISTS session_keys_rest PARTITION OF session_keys DEFAULT;

CREATE INDEX IF NOT EXISTS session_keys_0 ON session_keys (session_id);

CREATE INDEX IF NOT EXISTS session_keys_1 ON session_keys (key);

CREATE TABLE IF NOT EXISTS token_ledger (
	session_id VARCHAR COLLATE "C" NOT NULL, 
	trace_id VARCHAR COLLATE "C" NOT NULL, 
	span_id VARCHAR COLLATE "C" NOT NULL, 
	above_span_id VARCHAR COLLATE "C" NOT NULL, 
	span_name VARCHAR COLLATE "C" NOT NULL, 
	kind VARCHAR COLLATE "C" NOT NULL, 
	agent VARCHAR COLLATE "C" NOT NULL, 
	model VARCHAR COLLATE "C" NOT NULL, 
	started_at BIGINT NOT NULL, 
	reported_input_tokens BIGINT NOT NULL, 
	reported_output_tokens BIGINT NOT NULL, 
	reported_cache_read_tokens BIGINT NOT NULL, 
	reported_cache_write_tokens BIGINT NOT NULL, 
	reported_reasoning_tokens BIGINT NOT NULL, 
	own_input_tokens BIGINT NOT NULL, 
	own_output_tokens BIGINT NOT NULL, 
	residual_tokens BIGINT NOT NULL, 
	rule VARCHAR COLLATE "C" NOT NULL, 
	conflict BOOLEAN NOT NULL, 
	generation BIGINT NOT NULL, 
	sign INTEGER NOT NULL
) PARTITION BY RANGE (started_at);

CREATE TABLE IF NOT EXISTS token_ledger_rest PARTITION OF token_ledger DEFAULT;

CREATE INDEX IF NOT EXISTS token_ledger_0 ON token_ledger (session_id);

CREATE TABLE IF NOT EXISTS context_drift (
	session_id VARCHAR COLLATE "C" NOT NULL, 
	trace_id VARCHAR COLLATE "C" NOT NULL, 
	from_agent VARCHAR COLLATE "C" NOT NULL, 
	to_agent VARCHAR COLLATE "C" NOT NULL, 
	score DOUBLE PRECISION NOT NULL, 
	method VARCHAR COLLATE "C" NOT NULL, 
	started_at BIGINT NOT NULL, 
	handoff_id VARCHAR COLLATE "C" NOT NULL, 
	ordinal INTEGER NOT NULL, 
	bytes_read BIGINT NOT NULL, 
	bytes_cut BIGINT NOT NULL, 
	request_kept DOUBLE PRECISION, 
	answer_kept DOUBLE PRECISION, 
	facts_known DOUBLE PRECISION, 
	on_topic DOUBLE PRECISION, 
	growth DOUBLE PRECISION, 
	repeated_prefix DOUBLE PRECISION, 
	tools_changed DOUBLE PRECISION, 
	generation BIGINT NOT NULL, 
	sign INTEGER NOT NULL
) PARTITION BY RANGE (started_at);

CREATE TABLE IF NOT EXISTS context_drift_rest PARTITION OF context_drift DEFAULT;

CREATE INDEX IF NOT EXISTS context_drift_0 ON context_drift (session_id);

CREATE TABLE IF NOT EXISTS coordination_graphs (
	session_id VARCHAR COLLATE "C" NOT NULL, 
	graph VARCHAR COLLATE "C" NOT NULL, 
	nodes INTEGER NOT NULL, 
	edges INTEGER NOT NULL, 
	started_at BIGINT NOT NULL, 
	generation BIGINT NOT NULL, 
	sign INTEGER NOT NULL
) PARTITION BY RANGE (started_at);

CREATE TABLE IF NOT EXISTS coordination_graphs_rest PARTITION OF coordination_graphs DEFAULT;

CREATE INDEX IF NOT EXISTS coordination_graphs_0 ON coordination_graphs (session_id);

CREATE TABLE IF NOT EXISTS bottlenecks (
	session_id VARCHAR COLLATE "C" NOT NULL, 
	trace_id VARCHAR COLLATE "C" NOT NULL, 
	span_id VARCHAR COLLATE "C" NOT NULL, 
	agent VARCHAR COLLATE "C" NOT NULL, 
	operation VARCHAR COLLATE "C" NOT NULL, 
	kind VARCHAR COLLATE "C" NOT NULL, 
	model VARCHAR COLLATE "C" NOT NULL, 
	tool VARCHAR COLLATE "C" NOT NULL, 
	cause VARCHAR COLLATE "C" NOT NULL, 
	severity VARCHAR COLLATE "C" NOT NULL, 
	impact_ppm BIGINT NOT NULL, 
	agent_impact_ppm BIGINT NOT NULL, 
	critical_path_share DOUBLE PRECISION NOT NULL, 
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
	final BOOLEAN NOT NULL, 
	generation BIGINT NOT NULL, 
	sign INTEGER NOT NULL
) PARTITION BY RANGE (started_at);

CREATE TABLE IF NOT EXISTS bottlenecks_rest PARTITION OF bottlenecks DEFAULT;

CREATE INDEX IF NOT EXISTS bottlenecks_0 ON bottlenecks (session_id);

CREATE TABLE IF NOT EXISTS coalitions (
	session_id VARCHAR COLLATE "C" NOT NULL, 
	agents VARCHAR COLLATE "C" NOT NULL, 
	task_type VARCHAR COLLATE "C" NOT NULL, 
	success BOOLEAN NOT NULL, 
	tokens BIGINT NOT NULL, 
	duration_ns BIGINT NOT NULL, 
	started_at BIGINT NOT NULL, 
	generation BIGINT NOT NULL, 
	sign INTEGER NOT NULL
) PARTITION BY RANGE (started_at);

CREATE TABLE IF NOT EXISTS coalitions_rest PARTITION OF coalitions DEFAULT;

CREATE INDEX IF NOT EXISTS coalitions_0 ON coalitions (session_id);

CREATE TABLE IF NOT EXISTS function_usage (
	session_id VARCHAR COLLATE "C" NOT NULL, 
	function VARCHAR COLLATE "C" NOT NULL, 
	file VARCHAR COLLATE "C" NOT NULL, 
	line INTEGER NOT NULL, 
	revision VARCHAR COLLATE "C" NOT NULL, 
	agent VARCHAR COLLATE "C" NOT NULL, 
	model VARCHAR COLLATE "C" NOT NULL, 
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
	squared_tokens DOUBLE PRECISION NOT NULL, 
	loop_steps BIGINT NOT NULL, 
	loop_rises BIGINT NOT NULL, 
	loop_growth_tokens BIGINT NOT NULL, 
	repeated_tokens BIGINT NOT NULL, 
	final BOOLEAN NOT NULL, 
	cost_usd DOUBLE PRECISION, 
	generation BIGINT NOT NULL, 
	sign INTEGER NOT NULL
) PARTITION BY RANGE (started_at);

CREATE TABLE IF NOT EXISTS function_usage_rest PARTITION OF function_usage DEFAULT;

CREATE INDEX IF NOT EXISTS function_usage_0 ON function_usage (session_id);

CREATE TABLE IF NOT EXISTS function_edges (
	session_id VARCHAR COLLATE "C" NOT NULL, 
	caller VARCHAR COLLATE "C" NOT NULL, 
	caller_file VARCHAR COLLATE "C" NOT NULL, 
	caller_line INTEGER NOT NULL, 
	callee VARCHAR COLLATE "C" NOT NULL, 
	callee_file VARCHAR COLLATE "C" NOT NULL, 
	callee_line INTEGER NOT NULL, 
	revision VARCHAR COLLATE "C" NOT NULL, 
	started_at BIGINT NOT NULL, 
	calls BIGINT NOT NULL, 
	duration_ns BIGINT NOT NULL, 
	input_tokens BIGINT NOT NULL, 
	output_tokens BIGINT NOT NULL, 
	final BOOLEAN NOT NULL, 
	generation BIGINT NOT NULL, 
	sign INTEGER NOT NULL
) PARTITION BY RANGE (started_at);

CREATE TABLE IF NOT EXISTS function_edges_rest PARTITION OF function_edges DEFAULT;

CREATE INDEX IF NOT EXISTS function_edges_0 ON function_edges (session_id);

CREATE TABLE IF NOT EXISTS topology_snapshots (
	snapshot_id VARCHAR COLLATE "C" NOT NULL, 
	repository_path VARCHAR COLLATE "C" NOT NULL, 
	commit_hash VARCHAR COLLATE "C" NOT NULL, 
	scanned_at BIGINT NOT NULL, 
	total_modules INTEGER NOT NULL, 
	total_functions INTEGER NOT NULL, 
	total_dependencies INTEGER NOT NULL, 
	circular_dependencies INTEGER NOT NULL, 
	scan_version INTEGER NOT NULL, 
	graph_data VARCHAR COLLATE "C" NOT NULL
);

CREATE INDEX IF NOT EXISTS topology_snapshots_0 ON topology_snapshots (snapshot_id);

CREATE TABLE IF NOT EXISTS code_modules (
	snapshot_id VARCHAR COLLATE "C" NOT NULL, 
	module_id VARCHAR COLLATE "C" NOT NULL, 
	module_path VARCHAR COLLATE "C" NOT NULL, 
	module_name VARCHAR COLLATE "C" NOT NULL, 
	file_path VARCHAR COLLATE "C" NOT NULL, 
	line_count INTEGER NOT NULL, 
	complexity_score DOUBLE PRECISION NOT NULL, 
	afferent_coupling INTEGER NOT NULL, 
	efferent_coupling INTEGER NOT NULL, 
	instability DOUBLE PRECISION NOT NULL, 
	last_scanned BIGINT NOT NULL, 
	cohesion DOUBLE PRECISION
);

CREATE INDEX IF NOT EXISTS code_modules_0 ON code_modules (snapshot_id);

CREATE TABLE IF NOT EXISTS code_classes (
	snapshot_id VARCHAR COLLATE "C" NOT NULL, 
	class_id VARCHAR COLLATE "C" NOT NULL, 
	module_id VARCHAR COLLATE "C" NOT NULL, 
	class_name VARCHAR COLLATE "C" NOT NULL, 
	qualified_name VARCHAR COLLATE "C" NOT NULL, 
	line_start INTEGER NOT NULL, 
	line_end INTEGER NOT NULL, 
	bases VARCHAR COLLATE "C" NOT NULL, 
	methods INTEGER NOT NULL, 
	lcom4 INTEGER NOT NULL, 
	lcom_hs DOUBLE PRECISION NOT NULL, 
	afferent_coupling INTEGER NOT NULL, 
	efferent_coupling INTEGER NOT NULL
);

CREATE INDEX IF NOT EXISTS code_classes_0 ON code_classes (snapshot_id);

CREATE TABLE IF NOT EXISTS code_functions (
	snapshot_id VARCHAR COLLATE "C" NOT NULL, 
	function_id VARCHAR COLLATE "C" NOT NULL, 
	module_id VARCHAR COLLATE "C" NOT NULL, 
	function_name VARCHAR COLLATE "C" NOT NULL, 
	qualified_name VARCHAR COLLATE "C" NOT NULL, 
	kind VARCHAR COLLATE "C" NOT NULL, 
	line_first INTEGER NOT NULL, 
	line_start INTEGER NOT NULL, 
	line_end INTEGER NOT NULL, 
	complexity DOUBLE PRECISION NOT NULL, 
	cognitive_complexity DOUBLE PRECISION NOT NULL, 
	is_async BOOLEAN NOT NULL, 
	decorators VARCHAR COLLATE "C" NOT NULL, 
	docstring VARCHAR COLLATE "C" NOT NULL, 
	body_hash VARCHAR COLLATE "C" NOT NULL
);

CREATE INDEX IF NOT EXISTS code_functions_0 ON code_functions (snapshot_id);

CREATE TABLE IF NOT EXISTS function_calls (
	snapshot_id VARCHAR COLLATE "C" NOT NULL, 
	call_id VARCHAR COLLATE "C" NOT NULL, 
	caller_function_id VARCHAR COLLATE "C" NOT NULL, 
	callee_function_id VARCHAR COLLATE "C" NOT NULL, 
	caller VARCHAR COLLATE "C" NOT NULL, 
	callee VARCHAR COLLATE "C" NOT NULL, 
	found_by VARCHAR COLLATE "C" NOT NULL, 
	line INTEGER NOT NULL, 
	call_count BIGINT NOT NULL, 
	total_tokens BIGINT NOT NULL, 
	avg_duration_ms DOUBLE PRECISION, 
	avg_tokens_per_call DOUBLE PRECISION
);

CREATE INDEX IF NOT EXISTS function_calls_0 ON function_calls (snapshot_id);

CREATE TABLE IF NOT EXISTS module_dependencies (
	snapshot_id VARCHAR COLLATE "C" NOT NULL, 
	dependency_id VARCHAR COLLATE "C" NOT NULL, 
	from_module_id VARCHAR COLLATE "C" NOT NULL, 
	to_module_id VARCHAR COLLATE "C" NOT NULL, 
	from_module VARCHAR COLLATE "C" NOT NULL, 
	to_module VARCHAR COLLATE "C" NOT NULL, 
	import_type VARCHAR COLLATE "C" NOT NULL, 
	scope VARCHAR COLLATE "C" NOT NULL, 
	line INTEGER NOT NULL, 
	is_circular BOOLEAN NOT NULL
);

CREATE INDEX IF NOT EXISTS module_dependencies_0 ON module_dependencies (snapshot_id);

CREATE TABLE IF NOT EXISTS all_by_agent_hour (
	digest BYTEA NOT NULL, 
	agent VARCHAR COLLATE "C" NOT NULL, 
	rows BIGINT NOT NULL, 
	sum_invocations BIGINT NOT NULL, 
	sum_llm_calls BIGINT NOT NULL, 
	sum_errors BIGINT NOT NULL, 
	sum_input_tokens BIGINT NOT NULL, 
	sum_output_tokens BIGINT NOT NULL, 
	nano_usd BIGINT NOT NULL, 
	priced BIGINT NOT NULL, 
	PRIMARY KEY (digest)
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS all_by_agent_bucket_day (
	digest BYTEA NOT NULL, 
	agent VARCHAR COLLATE "C" NOT NULL, 
	latency_bucket SMALLINT NOT NULL, 
	sum_invocations BIGINT NOT NULL, 
	PRIMARY KEY (digest)
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS all_by_agents_hour (
	digest BYTEA NOT NULL, 
	from_agent VARCHAR COLLATE "C" NOT NULL, 
	to_agent VARCHAR COLLATE "C" NOT NULL, 
	rows BIGINT NOT NULL, 
	PRIMARY KEY (digest)
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS all_by_agents_kind_day (
	digest BYTEA NOT NULL, 
	from_agent VARCHAR COLLATE "C" NOT NULL, 
	to_agent VARCHAR COLLATE "C" NOT NULL, 
	kind VARCHAR COLLATE "C" NOT NULL, 
	rows BIGINT NOT NULL, 
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
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS all_by_team_day (
	digest BYTEA NOT NULL, 
	task_type VARCHAR COLLATE "C" NOT NULL, 
	agents VARCHAR COLLATE "C" NOT NULL, 
	rows BIGINT NOT NULL, 
	successes BIGINT NOT NULL, 
	sum_tokens BIGINT NOT NULL, 
	sum_duration_ns BIGINT NOT NULL, 
	PRIMARY KEY (digest)
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS by_agent_hour (
	digest BYTEA NOT NULL, 
	agent VARCHAR COLLATE "C" NOT NULL, 
	slot BIGINT NOT NULL, 
	rows BIGINT NOT NULL, 
	sum_invocations BIGINT NOT NULL, 
	sum_llm_calls BIGINT NOT NULL, 
	sum_errors BIGINT NOT NULL, 
	sum_input_tokens BIGINT NOT NULL, 
	sum_output_tokens BIGINT NOT NULL, 
	nano_usd BIGINT NOT NULL, 
	priced BIGINT NOT NULL, 
	PRIMARY KEY (digest)
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS by_agent_bucket_day (
	digest BYTEA NOT NULL, 
	agent VARCHAR COLLATE "C" NOT NULL, 
	latency_bucket SMALLINT NOT NULL, 
	slot BIGINT NOT NULL, 
	sum_invocations BIGINT NOT NULL, 
	PRIMARY KEY (digest)
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS by_agents_hour (
	digest BYTEA NOT NULL, 
	from_agent VARCHAR COLLATE "C" NOT NULL, 
	to_agent VARCHAR COLLATE "C" NOT NULL, 
	slot BIGINT NOT NULL, 
	rows BIGINT NOT NULL, 
	PRIMARY KEY (digest)
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS by_agents_kind_day (
	digest BYTEA NOT NULL, 
	from_agent VARCHAR COLLATE "C" NOT NULL, 
	to_agent VARCHAR COLLATE "C" NOT NULL, 
	kind VARCHAR COLLATE "C" NOT NULL, 
	slot BIGINT NOT NULL, 
	rows BIGINT NOT NULL, 
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
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS by_profile_hour (
	digest BYTEA NOT NULL, 
	agent VARCHAR COLLATE "C" NOT NULL, 
	role VARCHAR COLLATE "C" NOT NULL, 
	type VARCHAR COLLATE "C" NOT NULL, 
	description VARCHAR COLLATE "C" NOT NULL, 
	can_handoff_to VARCHAR COLLATE "C" NOT NULL, 
	models VARCHAR COLLATE "C" NOT NULL, 
	services VARCHAR COLLATE "C" NOT NULL, 
	start_hour BIGINT NOT NULL, 
	end_hour BIGINT NOT NULL, 
	rows BIGINT NOT NULL, 
	PRIMARY KEY (digest)
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS by_team_day (
	digest BYTEA NOT NULL, 
	task_type VARCHAR COLLATE "C" NOT NULL, 
	agents VARCHAR COLLATE "C" NOT NULL, 
	slot BIGINT NOT NULL, 
	rows BIGINT NOT NULL, 
	successes BIGINT NOT NULL, 
	sum_tokens BIGINT NOT NULL, 
	sum_duration_ns BIGINT NOT NULL, 
	PRIMARY KEY (digest)
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS by_function (
	digest BYTEA NOT NULL, 
	function VARCHAR COLLATE "C" NOT NULL, 
	file VARCHAR COLLATE "C" NOT NULL, 
	sum_llm_calls BIGINT NOT NULL, 
	sum_input_tokens BIGINT NOT NULL, 
	sum_output_tokens BIGINT NOT NULL, 
	sum_cumulative_input_tokens BIGINT NOT NULL, 
	sum_cumulative_output_tokens BIGINT NOT NULL, 
	PRIMARY KEY (digest)
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS by_place (
	digest BYTEA NOT NULL, 
	function VARCHAR COLLATE "C" NOT NULL, 
	file VARCHAR COLLATE "C" NOT NULL, 
	line INTEGER NOT NULL, 
	agent VARCHAR COLLATE "C" NOT NULL, 
	model VARCHAR COLLATE "C" NOT NULL, 
	rows BIGINT NOT NULL, 
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
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS by_ends (
	digest BYTEA NOT NULL, 
	caller VARCHAR COLLATE "C" NOT NULL, 
	caller_file VARCHAR COLLATE "C" NOT NULL, 
	caller_line INTEGER NOT NULL, 
	callee VARCHAR COLLATE "C" NOT NULL, 
	callee_file VARCHAR COLLATE "C" NOT NULL, 
	callee_line INTEGER NOT NULL, 
	sum_calls BIGINT NOT NULL, 
	sum_duration_ns BIGINT NOT NULL, 
	sum_input_tokens BIGINT NOT NULL, 
	sum_output_tokens BIGINT NOT NULL, 
	PRIMARY KEY (digest)
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS otel_llmops_schema (version_num VARCHAR(32) PRIMARY KEY);

CREATE TABLE IF NOT EXISTS exported_batches (
    name TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    exported_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (name, batch_id)
);
