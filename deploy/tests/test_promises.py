"""What must hold of the files in deploy/ and no schema knows: most of it is that one time is longer than another."""

import pathlib
import re
import unittest

import yaml

DEPLOY = pathlib.Path(__file__).parent.parent


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, `!Ref X` as {"Ref": "X"}."""


def short_form(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", short_form)


def cloudformation(name):
    return yaml.load((DEPLOY / "aws/cloudformation" / name).read_text(), Loader)


def kubernetes(name, kind):
    for document in yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text()):
        if document["kind"] == kind:
            return document
    raise AssertionError(f"{name} has no {kind}")


def unit(path):
    """The settings of a unit file, the last of each name."""
    return dict(re.findall(r"^(\w+)=(.*)$", (DEPLOY / path).read_text(), re.MULTILINE))


def environment_file(path):
    return dict(re.findall(r"^(\w+)=(.*)$", (DEPLOY / path).read_text(), re.MULTILINE))


class CloudFormationTests(unittest.TestCase):
    def setUp(self):
        template = cloudformation("baton.yaml")
        self.parameters = template["Parameters"]
        self.resources = template["Resources"]

    def properties(self, name):
        return self.resources[name]["Properties"]

    def default(self, name):
        return float(self.parameters[name]["Default"])

    def test_hook_outlasts_a_drain(self):
        self.assertGreaterEqual(self.default("DrainHookSeconds"), self.default("GracePeriodSeconds") + 60)
        for group in ("WorkerGroup", "OnDemandWorkerGroup"):
            (hook,) = self.properties(group)["LifecycleHookSpecificationList"]
            self.assertEqual(hook["LifecycleTransition"], "autoscaling:EC2_INSTANCE_TERMINATING")
            self.assertEqual(hook["HeartbeatTimeout"], {"Ref": "DrainHookSeconds"})
            self.assertEqual(hook["DefaultResult"], "CONTINUE")

    def test_hook_has_the_name_by_which_workers_complete_it(self):
        script = (DEPLOY / "aws/machine/complete-lifecycle-action").read_text()
        (hook,) = self.properties("WorkerGroup")["LifecycleHookSpecificationList"]
        self.assertIn(f"LIFECYCLE_HOOK_NAME:-{hook['LifecycleHookName']}", script)

    def test_fleet_is_of_several_kinds_and_rebalances(self):
        group = self.properties("WorkerGroup")
        self.assertTrue(group["CapacityRebalance"])
        policy = group["MixedInstancesPolicy"]
        self.assertEqual(policy["InstancesDistribution"]["SpotAllocationStrategy"], "price-capacity-optimized")
        kinds = self.parameters["WorkerInstanceTypes"]["Default"].split(",")
        self.assertEqual(len(policy["LaunchTemplate"]["Overrides"]), len(kinds))

    def test_instances_insist_on_imdsv2_and_have_encrypted_disks(self):
        for name in ("WorkerTemplate", "CoordinatorTemplate"):
            data = self.properties(name)["LaunchTemplateData"]
            self.assertEqual(data["MetadataOptions"]["HttpTokens"], "required")
            self.assertEqual(data["MetadataOptions"]["HttpPutResponseHopLimit"], 2)
            self.assertTrue(all(device["Ebs"]["Encrypted"] for device in data["BlockDeviceMappings"]))

    def test_load_balancer_lets_long_polls_be_and_lets_go_fast(self):
        attributes = {
            item["Key"]: item["Value"]
            for name, key in (("LoadBalancer", "LoadBalancerAttributes"), ("Coordinators", "TargetGroupAttributes"))
            for item in self.properties(name)[key]
        }
        # A lease request waits for 60 s at most; a coordinator closes idle connections after 120 s.
        self.assertTrue(60 < int(attributes["idle_timeout.timeout_seconds"]) < 120)
        self.assertLessEqual(int(attributes["deregistration_delay.timeout_seconds"]), 30)
        target = self.properties("Coordinators")
        self.assertEqual(target["HealthCheckPath"], "/ready")
        found_after = target["HealthCheckIntervalSeconds"] * target["UnhealthyThresholdCount"]
        script = self.properties("CoordinatorTemplate")["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"]
        delay = int(re.search(r"SHUTDOWN_DELAY_SECONDS=(\d+)", script).group(1))
        self.assertGreater(delay, found_after)

    def test_coordinators_are_not_replaced_because_the_database_is_away(self):
        self.assertEqual(self.properties("CoordinatorGroup")["HealthCheckType"], "EC2")

    def test_nothing_but_the_load_balancer_is_open_to_addresses(self):
        for name, resource in self.resources.items():
            if resource["Type"] == "AWS::EC2::SecurityGroup":
                for rule in resource["Properties"].get("SecurityGroupIngress", []):
                    self.assertIn("SourceSecurityGroupId", rule, name)

    def test_every_permission_names_its_resource_or_has_a_condition(self):
        for template in ("baton.yaml", "rehearsal.yaml"):
            for name, resource in cloudformation(template)["Resources"].items():
                if resource["Type"] != "AWS::IAM::Role":
                    continue
                for policy in resource["Properties"]["Policies"]:
                    for statement in policy["PolicyDocument"]["Statement"]:
                        self.assertNotIn("*", str(statement["Action"]), name)
                        reads_only = statement["Action"] == "ec2:DescribeInstances"
                        if statement["Resource"] == "*" and not reads_only:
                            self.assertIn("Condition", statement, name)


class TerraformTests(unittest.TestCase):
    def test_user_data_is_that_of_cloudformation(self):
        resources = cloudformation("baton.yaml")["Resources"]
        for role, name in (("worker", "WorkerTemplate"), ("coordinator", "CoordinatorTemplate")):
            sub = resources[name]["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"]
            theirs = sub if isinstance(sub, str) else sub[0]
            ours = (DEPLOY / f"aws/terraform/fleet/user-data/{role}.sh.tftpl").read_text()
            self.assertEqual(self.skeleton(theirs), self.skeleton(ours), role)

    @staticmethod
    def skeleton(script):
        """The script with every value that is filled in taken out."""
        return re.sub(r"\$\{[^}]*\}", "<>", script).strip()


class SystemdTests(unittest.TestCase):
    def test_stop_outlasts_a_drain(self):
        grace = int(environment_file("systemd/worker.env.example")["GRACE_PERIOD_SECONDS"])
        worker = unit("systemd/baton-worker.service")
        self.assertGreaterEqual(int(worker["TimeoutStopSec"]), grace + 20)

    def test_worker_alone_decides_what_happens_to_its_jobs(self):
        worker = unit("systemd/baton-worker.service")
        self.assertEqual(worker["KillMode"], "mixed")
        self.assertEqual(worker["OOMPolicy"], "continue")
        # "always" would lease new jobs on an instance that is about to go.
        self.assertEqual(worker["Restart"], "on-failure")

    def test_coordinator_has_time_to_be_found_draining(self):
        delay = int(environment_file("systemd/coordinator.env.example")["SHUTDOWN_DELAY_SECONDS"])
        self.assertGreater(int(unit("systemd/baton-coordinator.service")["TimeoutStopSec"]), delay + 15)


class KubernetesTests(unittest.TestCase):
    def pod(self, name):
        specification = kubernetes(name, "Deployment")["spec"]["template"]["spec"]
        (container,) = specification["containers"]
        values = {item["name"]: item.get("value") for item in container["env"]}
        return specification, container, values

    def test_termination_outlasts_a_drain(self):
        specification, container, values = self.pod("worker.yaml")
        self.assertGreaterEqual(specification["terminationGracePeriodSeconds"], int(values["GRACE_PERIOD_SECONDS"]) + 15)
        self.assertIn("preStop", container["lifecycle"])
        self.assertTrue(specification["nodeSelector"] and specification["tolerations"])

    def test_coordinator_drains_within_its_time(self):
        specification, container, values = self.pod("coordinator.yaml")
        self.assertGreater(specification["terminationGracePeriodSeconds"], int(values["SHUTDOWN_DELAY_SECONDS"]) + 10)
        probe = container["readinessProbe"]
        self.assertEqual(probe["httpGet"]["path"], "/ready")
        self.assertGreater(int(values["SHUTDOWN_DELAY_SECONDS"]), probe["periodSeconds"] * probe["failureThreshold"])
        self.assertEqual(container["livenessProbe"]["httpGet"]["path"], "/health")

    def test_nobody_is_root_or_can_become_it(self):
        for name in ("worker.yaml", "coordinator.yaml"):
            specification, container, _ = self.pod(name)
            self.assertTrue(specification["securityContext"]["runAsNonRoot"])
            self.assertFalse(specification["automountServiceAccountToken"])
            self.assertFalse(container["securityContext"]["allowPrivilegeEscalation"])
            self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"])
            self.assertEqual(container["securityContext"]["capabilities"]["drop"], ["ALL"])


class SettingsTests(unittest.TestCase):
    """A setting that no program reads would be a knob that turns nothing."""

    def test_every_setting_is_one_that_the_programs_know(self):
        sources = DEPLOY.parent / "Sources"
        known = {
            role: set(re.findall(r'"([A-Z][A-Z_]+)"', "".join(p.read_text() for p in paths)))
            for role, paths in {
                "worker": [*(sources / "Worker").glob("WorkerConfiguration*.swift"), *self.telemetry(sources)],
                "coordinator": [sources / "Coordinator/CoordinatorConfiguration.swift", *self.telemetry(sources)],
            }.items()
        }
        for role in known:
            used = set(environment_file(f"systemd/{role}.env.example"))
            _, _, settings = (DEPLOY / f"aws/terraform/fleet/user-data/{role}.sh.tftpl").read_text().partition("<<'SETTINGS'")
            used |= set(re.findall(r"^([A-Z_]+)=", settings, re.MULTILINE))
            pod = kubernetes(f"{role}.yaml", "Deployment")["spec"]["template"]["spec"]
            used |= {item["name"] for item in pod["containers"][0]["env"]}
            self.assertEqual(used - known[role], set(), role)

    @staticmethod
    def telemetry(sources):
        return (sources / "Telemetry/Settings").glob("*.swift")


if __name__ == "__main__":
    unittest.main()
