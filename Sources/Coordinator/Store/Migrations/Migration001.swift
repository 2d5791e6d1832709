import BatonPostgres

extension PostgresMigration {
  /// The first schema. A shipped migration never changes: what comes later is a migration of its own.
  static let createJobs = PostgresMigration(
    version: 1, name: "create_jobs",
    sql: #"""
      create table queues (
        name       text collate "C" primary key,
        paused     boolean not null default false,
        changed_at timestamptz not null default now()
      );
      comment on table queues is 'Queues that somebody has paused or resumed. A queue needs no row here to be used.';
      comment on column queues.paused is 'While true, no job of the queue is leased; what runs, runs on.';

      create table jobs (
        id                  uuid primary key,
        queue               text collate "C" not null default 'default',
        kind                text collate "C" not null,
        status              text collate "C" not null default 'queued',
        scheduled           boolean not null default false,
        priority            smallint not null default 0,
        placement           text collate "C" not null default 'any',
        on_interruption     text collate "C" not null default 'auto',
        attempt             integer not null default 0,
        max_attempts        integer not null default 5,
        failures            integer not null default 0,
        interruptions       integer not null default 0,
        losses              integer not null default 0,
        max_losses          integer not null default 5,
        timeout_seconds     double precision,
        run_at              timestamptz not null default now(),
        created_at          timestamptz not null default now(),
        started_at          timestamptz,
        finished_at         timestamptz,
        cancel_requested_at timestamptz,
        worker_id           text collate "C",
        error_code          text,
        error_message       text,
        tags                jsonb not null default '{}',
        payload             json not null default '{}',
        result              json,

        constraint jobs_status_known check (status in ('queued', 'processing', 'done', 'failed', 'cancelled')),
        constraint jobs_scheduled_is_queued check (not scheduled or status = 'queued'),
        constraint jobs_processing_has_worker check (status <> 'processing' or (worker_id is not null and attempt > 0)),
        constraint jobs_finished_has_time check ((status in ('done', 'failed', 'cancelled')) = (finished_at is not null)),
        constraint jobs_failed_has_error check (status <> 'failed' or error_code is not null),
        constraint jobs_result_is_done check (result is null or status = 'done'),
        constraint jobs_cancel_is_not_queued check (cancel_requested_at is null or status <> 'queued'),
        constraint jobs_priority_range check (priority between -100 and 100),
        constraint jobs_placement_known check (placement in ('any', 'spot', 'on_demand')),
        constraint jobs_on_interruption_known check (on_interruption in ('auto', 'finish', 'checkpoint', 'release')),
        constraint jobs_budgets_positive check (max_attempts > 0 and max_losses > 0),
        constraint jobs_counts_not_negative check (attempt >= 0 and failures >= 0 and interruptions >= 0 and losses >= 0),
        constraint jobs_timeout_positive check (timeout_seconds > 0 and timeout_seconds < 'infinity'),
        constraint jobs_tags_are_an_object check (jsonb_typeof(tags) = 'object'),
        constraint jobs_run_at_range check (run_at >= '0001-01-01 00:00+00' and run_at < '10000-01-01 00:00+00'),
        constraint jobs_queue_plain check (queue ~ '^[A-Za-z0-9_][A-Za-z0-9._:-]{0,127}$'),
        constraint jobs_kind_plain check (kind ~ '^[A-Za-z0-9_][A-Za-z0-9._:-]{0,127}$')
      );
      comment on table jobs is 'A row a job. Look here first; job_overview is easier to read. Submit with baton_enqueue, which checks and wakes.';
      comment on column jobs.id is 'UUID of version 7: grows with the time of submission.';
      comment on column jobs.status is 'queued, processing, done, failed or cancelled.';
      comment on column jobs.scheduled is 'Queued, but waits for run_at: a delayed job, or a retry in its backoff.';
      comment on column jobs.priority is 'From -100 to 100; the higher is leased first.';
      comment on column jobs.placement is 'any, spot or on_demand: the capacity it may run on.';
      comment on column jobs.on_interruption is 'auto, finish, checkpoint or release: what a worker that must go does with it.';
      comment on column jobs.attempt is 'Number of the latest attempt; see the table attempts.';
      comment on column jobs.max_attempts is 'Failures allowed, plus one.';
      comment on column jobs.failures is 'Attempts that failed or timed out.';
      comment on column jobs.interruptions is 'Attempts that were handed back because an instance went away; without a limit.';
      comment on column jobs.losses is 'Attempts whose worker was never heard of again.';
      comment on column jobs.max_losses is 'The job fails when losses reaches this: it may be what kills its workers.';
      comment on column jobs.timeout_seconds is 'Longest run time of one attempt; null for none.';
      comment on column jobs.run_at is 'Not leased before; among equal priorities, the oldest is leased first.';
      comment on column jobs.cancel_requested_at is 'Set while its worker is being told to stop.';
      comment on column jobs.worker_id is 'The worker that holds it, or had it last.';
      comment on column jobs.error_code is 'Of the latest failure; also while the job waits for a retry.';

      -- What leasing walks along, in the order in which jobs are leased. Finished, running and delayed jobs are not in it.
      create index jobs_ready on jobs (queue, placement, priority desc, run_at, id) where status = 'queued' and not scheduled;
      create index jobs_scheduled on jobs (run_at) where scheduled;
      create index jobs_finished on jobs (finished_at) where finished_at is not null;
      create index jobs_dead on jobs (id) where status in ('failed', 'cancelled');
      create index jobs_tagged on jobs using gin (tags jsonb_path_ops) where tags <> '{}';

      create table attempts (
        lease_id            uuid primary key,
        job_id              uuid not null,
        attempt             integer not null,
        worker_id           text collate "C" not null,
        capacity_type       text collate "C" not null default 'unknown',
        outcome             text collate "C",
        reason              text,
        started_at          timestamptz not null default now(),
        ended_at            timestamptz,
        expires_at          timestamptz not null,
        checkpoint_sequence integer,
        progress_fraction   double precision,
        progress_message    text,

        constraint attempts_outcome_known check
          (outcome in ('done', 'failed', 'released', 'interrupted', 'lost', 'cancelled', 'timed_out')),
        constraint attempts_ended_has_outcome check ((outcome is null) = (ended_at is null))
      ) with (fillfactor = 70);
      comment on table attempts is 'A row a lease. Rows without outcome are the leases in force; the others tell each job''s story.';
      comment on column attempts.lease_id is 'The fence: every write by a worker names it, and it is of no use once the attempt has an outcome.';
      comment on column attempts.outcome is 'done, failed, released, interrupted, lost, cancelled or timed_out; null while it runs.';
      comment on column attempts.expires_at is 'When the lease is lost unless renewed. Not indexed, so that heartbeats stay cheap (HOT updates).';
      comment on column attempts.checkpoint_sequence is 'The newest checkpoint it saved, or else the one it started from.';

      -- At most one lease in force a job; also what the reaper walks along.
      create unique index attempts_open on attempts (job_id) where outcome is null;
      create unique index attempts_of_job on attempts (job_id, attempt);

      create table checkpoints (
        job_id       uuid primary key,
        sequence     integer not null,
        content_type text not null,
        size_bytes   bigint not null,
        saved_at     timestamptz not null default now(),
        data         bytea not null,
        constraint checkpoints_sequence_positive check (sequence > 0),
        constraint checkpoints_size_true check (size_bytes = octet_length(data))
      );
      -- Checkpoints are mostly compressed already; trying again costs more than it saves.
      alter table checkpoints alter column data set storage external;
      comment on table checkpoints is 'The newest checkpoint of each job: what its next attempt starts from.';

      create table job_logs (
        job_id     uuid not null,
        chunk      bigint generated always as identity,
        attempt    integer not null,
        written_at timestamptz not null default now(),
        size_bytes integer not null,
        body       text not null,
        primary key (job_id, chunk)
      );
      comment on table job_logs is 'What jobs wrote, in pieces; the oldest are dropped when a job writes more than is kept.';

      create table workers (
        id                text collate "C" primary key,
        hostname          text,
        instance_id       text,
        instance_type     text,
        availability_zone text,
        capacity_type     text collate "C" not null default 'unknown',
        provider          text,
        queues            text[] not null default '{}',
        kinds             text[] not null default '{}',
        slots             integer not null default 1,
        version           text,
        state             text collate "C" not null default 'active',
        drain_requested   boolean not null default false,
        interruption      jsonb,
        registered_at     timestamptz not null default now(),
        last_heartbeat_at timestamptz not null default now(),
        silent_after      timestamptz not null default now(),
        constraint workers_state_known check (state in ('active', 'draining', 'gone')),
        constraint workers_capacity_known check (capacity_type in ('spot', 'on_demand', 'unknown'))
      ) with (fillfactor = 50);
      comment on table workers is 'A row a start of a worker process; an id is never used again.';
      comment on column workers.state is 'What the worker said last; fleet_overview also counts silent ones as gone.';
      comment on column workers.drain_requested is 'Somebody asked it to drain; it is told with its next heartbeat.';
      comment on column workers.silent_after is 'Counts as gone when not heard of by then.';

      create table idempotency_keys (
        key         text collate "C" primary key,
        job_id      uuid not null,
        fingerprint bytea not null
      );
      create index idempotency_keys_of_job on idempotency_keys (job_id);
      comment on table idempotency_keys is 'Which submission made which job, so that a repeated one makes no second.';
      comment on column idempotency_keys.fingerprint is 'SHA-256 of the submission; the same key with another is refused.';

      -- Whoever deletes jobs, by hand too, leaves nothing behind. No foreign keys: they would be looked up at every lease.
      create function baton_forget_jobs() returns trigger language plpgsql as $body$
      begin
        delete from attempts a using deleted d where a.job_id = d.id;
        delete from checkpoints c using deleted d where c.job_id = d.id;
        delete from job_logs l using deleted d where l.job_id = d.id;
        delete from idempotency_keys k using deleted d where k.job_id = d.id;
        return null;
      end $body$;
      create trigger jobs_forget after delete on jobs referencing old table as deleted
        for each statement execute function baton_forget_jobs();
      """#)
}
