import BatonPostgres

extension PostgresMigration {
  /// The functions that state the rules of a job's life, and those that people call.
  static let createFunctions = PostgresMigration(
    version: 2, name: "create_functions",
    sql: #"""
      -- What becomes of a job whose attempt has ended: the one place where that is decided.
      -- failures and losses are counted with this attempt.
      create function baton_next_status(
        outcome text, cancel_requested boolean, retryable boolean,
        failures integer, max_attempts integer, losses integer, max_losses integer
      ) returns text language sql immutable parallel safe as $body$
        select case
          when outcome = 'done' then 'done'
          when outcome = 'cancelled' or cancel_requested then 'cancelled'
          when outcome in ('failed', 'timed_out') and (not retryable or failures >= max_attempts) then 'failed'
          when outcome = 'lost' and losses >= max_losses then 'failed'
          else 'queued'
        end
      $body$;
      comment on function baton_next_status is 'The status of a job after an attempt with that outcome.';

      -- 1, 2, 4 … seconds, at most an hour, spread by a tenth either way so that jobs that failed together
      -- do not come back together.
      create function baton_backoff(failures integer) returns double precision language sql volatile as $body$
        select least(3600, power(2, least(failures - 1, 30))) * (0.9 + 0.2 * random())
      $body$;
      comment on function baton_backoff is 'Seconds to wait before the retry that follows so many failures.';

      create function baton_uuid7() returns uuid language sql volatile as $body$
        select (
          lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
          -- From here on a random UUID already has what is needed: random digits, and the variant at its place.
          || substr(replace(gen_random_uuid()::text, '-', ''), 14)
        )::uuid
      $body$;
      comment on function baton_uuid7 is 'A UUID of version 7 (RFC 9562), as jobs use for their ids.';
      alter table jobs alter column id set default baton_uuid7();

      -- Tells every coordinator that the queues have work. Coordinators pass their own name, to know their own echo.
      create function baton_notify(sender text, queues text[]) returns void language sql volatile as $body$
        select pg_notify('baton_jobs', sender || ':' || case
          when length(array_to_string(queues, ',')) > 7000 then '*' else array_to_string(queues, ',') end)
        where cardinality(queues) > 0
      $body$;
      comment on function baton_notify is 'Tells every coordinator at commit that these queues have work.';

      create function baton_enqueue(
        kind text, payload json default '{}', queue text default 'default', priority integer default 0,
        run_at timestamptz default null, max_attempts integer default 5, max_losses integer default 5,
        timeout_seconds double precision default null, placement text default 'any',
        on_interruption text default 'auto', tags jsonb default '{}', idempotency_key text default null
      ) returns uuid language plpgsql as $body$
      #variable_conflict use_variable
      declare
        new_id uuid := baton_uuid7();
        submission bytea;
        known idempotency_keys;
      begin
        if kind is null or kind !~ '^[A-Za-z0-9_][A-Za-z0-9._:-]{0,127}$' then
          raise exception 'kind must be 1 to 128 letters, digits, ''.'', ''_'', '':'' or ''-''' using errcode = '22023';
        end if;
        if queue is null or queue !~ '^[A-Za-z0-9_][A-Za-z0-9._:-]{0,127}$' then
          raise exception 'queue must be 1 to 128 letters, digits, ''.'', ''_'', '':'' or ''-''' using errcode = '22023';
        end if;
        if priority is null or priority not between -100 and 100 then
          raise exception 'priority must be an integer from -100 to 100' using errcode = '22023';
        end if;
        if run_at < '0001-01-01 00:00+00' or run_at >= '10000-01-01 00:00+00' then
          raise exception 'run_at must be in the years 1 to 9999' using errcode = '22023';
        end if;
        -- Workers take no payload with U+0000 or half a surrogate pair; neither does jsonb.
        perform payload::jsonb;
        if idempotency_key is not null then
          submission := sha256(convert_to(jsonb_build_array(kind, payload::text, queue, priority, run_at, max_attempts,
            max_losses, timeout_seconds, placement, on_interruption, tags)::text, 'UTF8'));
          insert into idempotency_keys (key, job_id, fingerprint) values (idempotency_key, new_id, submission)
            on conflict do nothing;
          if not found then
            select * into strict known from idempotency_keys k where k.key = idempotency_key;
            if known.fingerprint <> submission then
              raise exception 'idempotency_key % was used for another submission', idempotency_key
                using errcode = '23505';
            end if;
            return known.job_id;
          end if;
        end if;
        insert into jobs (id, kind, payload, queue, priority, run_at, scheduled, max_attempts, max_losses,
          timeout_seconds, placement, on_interruption, tags)
        values (new_id, kind, coalesce(payload, '{}'), queue, priority, coalesce(run_at, now()),
          coalesce(run_at > now(), false), max_attempts, max_losses, timeout_seconds, placement, on_interruption,
          coalesce(tags, '{}'));
        -- Delivered at commit; PostgreSQL itself drops repeats within a transaction.
        perform baton_notify('', array[queue]);
        return new_id;
      end $body$;
      comment on function baton_enqueue is
        'Submits a job within the caller''s own transaction and wakes waiting workers at commit: '
        'select baton_enqueue(kind => ''exec'', payload => ''{"command":["true"]}'')';
      """#)
}
