"""What the programs in deploy/aws/machine do, with a metadata service and an `aws` of the tests' own."""

import http.server
import os
import pathlib
import subprocess
import tempfile
import threading
import unittest

MACHINE = pathlib.Path(__file__).parent.parent / "aws" / "machine"


class Metadata(http.server.BaseHTTPRequestHandler):
    """IMDSv2 as far as it matters: a token by PUT, then values for whoever shows it."""

    values = {}

    def do_PUT(self):
        well_formed = self.path == "/latest/api/token" and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
        self.answer(200 if well_formed else 400, "a-token")

    def do_GET(self):
        if self.headers.get("X-aws-ec2-metadata-token") != "a-token":
            return self.answer(401, "")
        value = self.server.values.get(self.path.removeprefix("/latest/meta-data/"))
        self.answer(404 if value is None else 200, value or "")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class MachineTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.said = self.folder / "said"
        (self.folder / "aws").write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{self.said}\n')
        (self.folder / "aws").chmod(0o755)

    def serve(self, handler):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def run_program(self, name, *arguments, **environment):
        path = f"{self.folder}:{os.environ['PATH']}"
        return subprocess.run(
            [MACHINE / name, *arguments], env={"PATH": path, **environment}, capture_output=True, text=True, timeout=60
        )

    def said_to_aws(self):
        return self.said.read_text().splitlines() if self.said.exists() else []


class CompleteLifecycleActionTests(MachineTest):
    def setUp(self):
        super().setUp()
        self.server = self.serve(Metadata)
        self.server.values = {
            "autoscaling/target-lifecycle-state": "Terminated",
            "tags/instance/aws:autoscaling:groupName": "baton-workers",
            "instance-id": "i-0123",
            "placement/region": "eu-west-1",
        }

    def complete(self, result="success", suffix=""):
        address = f"http://127.0.0.1:{self.server.server_port}{suffix}"
        # A proxy that nobody listens at: the metadata service must be asked directly.
        return self.run_program(
            "complete-lifecycle-action", SERVICE_RESULT=result, IMDS_URL=address, http_proxy="http://127.0.0.1:1"
        )

    expected = (
        "autoscaling complete-lifecycle-action --region eu-west-1 --auto-scaling-group-name baton-workers "
        "--lifecycle-hook-name baton-drain --instance-id i-0123 --lifecycle-action-result CONTINUE"
    )

    def test_drained_worker_of_an_instance_that_is_to_go_completes_the_hook(self):
        self.assertEqual(self.complete().returncode, 0)
        self.assertEqual(self.said_to_aws(), [self.expected])

    def test_long_form_of_the_address_is_understood(self):
        self.complete(suffix="/latest/meta-data/spot/instance-action")
        self.assertEqual(self.said_to_aws(), [self.expected])

    def test_crashed_worker_says_nothing(self):
        self.assertEqual(self.complete(result="signal").returncode, 0)
        self.assertEqual(self.said_to_aws(), [])

    def test_worker_that_an_operator_drained_says_nothing(self):
        self.server.values["autoscaling/target-lifecycle-state"] = "InService"
        self.assertEqual(self.complete().returncode, 0)
        self.assertEqual(self.said_to_aws(), [])

    def test_worker_outside_of_a_group_says_nothing(self):
        del self.server.values["autoscaling/target-lifecycle-state"]
        self.assertEqual(self.complete().returncode, 0)
        self.assertEqual(self.said_to_aws(), [])


class PublishBacklogTests(MachineTest):
    METRICS = """\
# HELP baton_jobs Jobs by queue and status.
# TYPE baton_jobs gauge
baton_jobs{queue="default",status="queued"} 40
baton_jobs{queue="default",status="processing"} 3
baton_jobs{queue="default",status="done"} 1000
baton_jobs{queue="tomorrow",status="queued"} 500
baton_jobs{queue="tomorrow",status="processing"} 0
baton_jobs{queue="held",status="queued"} 70
baton_jobs{queue="held",status="processing"} 2
baton_oldest_queued_seconds{queue="default"} 12.5
baton_oldest_queued_seconds{queue="tomorrow"} 0
baton_oldest_queued_seconds{queue="held"} 900
baton_queue_paused{queue="default"} 0
baton_queue_paused{queue="tomorrow"} 0
baton_queue_paused{queue="held"} 1
"""

    def publish(self, text):
        class Coordinator(Metadata):
            def do_GET(self):
                self.answer(200 if text is not None and self.path == "/metrics" else 503, text or "")

        port = self.serve(Coordinator).server_port
        return self.run_program("publish-backlog", PORT=str(port), BACKLOG_NAMESPACE="Baton/test")

    def test_counts_running_jobs_and_those_that_wait_for_a_worker(self):
        self.assertEqual(self.publish(self.METRICS).returncode, 0)
        self.assertEqual(
            self.said_to_aws(),
            ["cloudwatch put-metric-data --namespace Baton/test --metric-name OutstandingJobs --unit Count --value 45"],
        )

    def test_empty_coordinator_has_no_backlog(self):
        self.publish("baton_draining 0\n")
        self.assertTrue(self.said_to_aws()[0].endswith(" --value 0"))

    def test_coordinator_that_does_not_answer_publishes_nothing(self):
        self.assertNotEqual(self.publish(None).returncode, 0)
        self.assertEqual(self.said_to_aws(), [])


if __name__ == "__main__":
    unittest.main()
