"""A queue in SQL as PGMQ has it: a table with a visibility time-out; send, read and delete, driven by pgbench.

The statements do what PGMQ's functions do (the extension itself is not in Debian): a message is read by moving its
visibility time forward, and deleted when it is done.
"""

import os
import re
import subprocess
import tempfile

import psycopg
from measuring import ROUNDS, Report, binaries, postgres

CLIENTS = 8

SCHEMA = """
create table q_bench (
  msg_id bigint generated always as identity primary key, read_ct integer not null default 0,
  enqueued_at timestamptz not null default now(), vt timestamptz not null, message jsonb);
create index on q_bench (vt);
"""

SEND = """insert into q_bench (vt, message) select now(), '{{"n":1}}' from generate_series(1, {batch});
"""

READ_AND_DELETE = """with next as (
  select msg_id from q_bench where vt <= clock_timestamp() order by msg_id limit {batch} for update skip locked
), taken as (
  update q_bench m set vt = clock_timestamp() + interval '30 seconds', read_ct = read_ct + 1
  from next where m.msg_id = next.msg_id returning m.msg_id, m.message
) select coalesce(array_agg(msg_id), '{{}}')::text as ids, count(message) as taken from taken \\gset
delete from q_bench where msg_id = any (:ids::bigint[]);
"""


def pgbench(url: str, script: str, transactions: int) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        program = os.path.join(binaries(), "pgbench")
        command = [program, "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-t", str(transactions)]
        said = subprocess.run(
            [*command, "-f", file.name, url], check=True, capture_output=True, text=True).stdout
    return float(re.search(r"^tps = ([0-9.]+) \(without initial", said, re.M)[1])


def main() -> None:
    with postgres() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            report = Report("pgmq_sql", postgresql=connection.execute("show server_version").fetchone()[0])
            connection.execute(SCHEMA)
            for _ in range(ROUNDS):
                for batch, sends, reads in ((1, 1500, 600), (100, 120, 50), (1000, 20, 6)):
                    connection.execute("truncate q_bench")
                    rate = pgbench(url, SEND.format(batch=batch), sends)
                    report.add("submit", rate * batch, batch=batch, connections=CLIENTS)
                    connection.execute("truncate q_bench")
                    connection.execute(SEND.format(batch=batch * CLIENTS * (reads + 1)))
                    connection.execute("analyze q_bench")
                    rate = pgbench(url, READ_AND_DELETE.format(batch=batch), reads)
                    report.add("work", rate * batch, batch=batch, connections=CLIENTS)
    report.print()


main()
