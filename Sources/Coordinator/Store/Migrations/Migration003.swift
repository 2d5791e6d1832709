import BatonPostgres

extension PostgresMigration {
  /// Views for people with `psql`.
  static let createViews = PostgresMigration(
    version: 3, name: "create_views",
    sql: #"""
      create view job_overview as
        select j.id, j.queue, j.kind,
          case when j.scheduled then 'queued (due ' || to_char(j.run_at, 'HH24:MI:SS') || ')'
               when j.cancel_requested_at is not null and j.status = 'processing' then 'processing (cancelling)'
               else j.status end as status,
          j.attempt, j.failures || '/' || j.max_attempts as failures, j.interruptions,
          j.losses || '/' || j.max_losses as losses,
          round((a.progress_fraction * 100)::numeric, 1) as progress_percent, a.progress_message,
          c.sequence as checkpoint, pg_size_pretty(c.size_bytes) as checkpoint_size,
          j.worker_id, date_trunc('second', coalesce(j.finished_at, now()) - j.created_at) as age,
          date_trunc('second', coalesce(a.ended_at, now()) - a.started_at) as attempt_ran,
          case when a.outcome is null then round(extract(epoch from a.expires_at - now())::numeric, 1) end as lease_seconds_left,
          j.error_code, j.error_message
        from jobs j
        left join attempts a on a.job_id = j.id and a.attempt = j.attempt
        left join checkpoints c on c.job_id = j.id;
      comment on view job_overview is 'Jobs with their progress, checkpoint, holder and latest error.';

      create view fleet_overview as
        select w.id, w.hostname, w.instance_type, w.availability_zone, w.capacity_type,
          case when w.state = 'gone' or w.silent_after < now() then 'gone'
               when w.state = 'draining' or w.drain_requested then 'draining'
               else 'active' end as state,
          w.slots, coalesce(held.leases, 0) as leases, w.queues,
          date_trunc('second', now() - w.last_heartbeat_at) as silent_for, w.interruption
        from workers w
        left join (select worker_id, count(*) as leases from attempts where outcome is null group by worker_id) held
          on held.worker_id = w.id;
      comment on view fleet_overview is 'Workers, what they hold, and how long they have been silent.';

      create view queue_overview as
        select j.queue, coalesce(q.paused, false) as paused,
          count(*) filter (where j.status = 'queued' and not j.scheduled) as ready,
          count(*) filter (where j.scheduled) as scheduled,
          count(*) filter (where j.status = 'processing') as processing,
          count(*) filter (where j.status = 'done') as done,
          count(*) filter (where j.status = 'failed') as failed,
          count(*) filter (where j.status = 'cancelled') as cancelled,
          date_trunc('second', now() - min(j.run_at) filter (where j.status = 'queued' and not j.scheduled)) as oldest_ready
        from jobs j left join queues q on q.name = j.queue
        group by j.queue, q.paused;
      comment on view queue_overview is 'Queues with their jobs by status. Counts every job: slow with millions of finished ones.';
      """#)
}

extension [PostgresMigration] {
  /// Every migration, in order.
  public static let baton: [PostgresMigration] = [.createJobs, .createFunctions, .createViews]
}
