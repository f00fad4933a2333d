"""ministack: CloudFormation, Lambda, IAM, S3 and DynamoDB on loopback, in a process without Docker."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config
from harness.ports import listens
from harness.until import until

from rehearsal.recorder import ROOT_KEY

ACCOUNT = "123456789012"
REGION = "eu-central-1"


class Emulator:
    """It has whatever environment is given to it, and its functions have that, too."""

    def __init__(self, folder: Path, environment: dict[str, str], port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "ministack.log"
        own = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            # Where it unpacks functions.
            "TMPDIR": str(folder),
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            # Functions have credentials of their own roles.
            "AUTH": "true",
            # No daemon is asked for anything, should there be one.
            "DOCKER_HOST": "unix:///nowhere",
        }
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=own | environment,
                cwd=folder,
            )

        def serves() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return listens(port)

        until("ministack listens", serves, 60)

    def client(self, service: str):
        """In the name of the account."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ROOT_KEY,
            aws_secret_access_key=ROOT_KEY,
            config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def functions(self) -> dict[str, str]:
        """The functions whose processes run, by their access keys."""
        found = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
                if parent != self.process.pid:
                    continue
                written = stat.with_name("environ").read_text()
            except (FileNotFoundError, ProcessLookupError):
                # It has ended meanwhile.
                continue
            environment = dict(each.split("=", 1) for each in written.split("\0") if "=" in each)
            if name := environment.get("AWS_LAMBDA_FUNCTION_NAME"):
                found[environment["AWS_ACCESS_KEY_ID"]] = name
        return found

    def deploy(self, stack: str, template: str, **parameters: str) -> dict[str, str]:
        """Makes a stack or changes it, as `aws cloudformation deploy` does; its outputs."""
        cloudformation = self.client("cloudformation")
        request = {
            "StackName": stack,
            "TemplateBody": template,
            "Capabilities": ["CAPABILITY_IAM"],
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        }
        stacks = cloudformation.describe_stacks()["Stacks"]
        is_there = any(each["StackName"] == stack for each in stacks)
        (cloudformation.update_stack if is_there else cloudformation.create_stack)(**request)

        def ended() -> dict | None:
            [description] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
            return None if description["StackStatus"].endswith("_IN_PROGRESS") else description

        description = until(f"the stack {stack} is deployed", ended, 120)
        if description["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
            reasons = [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}" for e in events]
            raise AssertionError(f"{stack}: {description['StackStatus']}\n" + "\n".join(reasons))
        return {
            output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])
        }

    def task_definition(self, arn: str) -> dict:
        """As the emulator says it, with names as ECS has them. It leaves some as CloudFormation has them, and boto3
        would leave those out."""
        request = urllib.request.Request(self.url, json.dumps({"taskDefinition": arn}).encode())
        scope = f"{ROOT_KEY}/20260101/{REGION}/ecs/aws4_request"
        request.add_header(
            "Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        )
        request.add_header("Content-Type", "application/x-amz-json-1.1")
        request.add_header(
            "X-Amz-Target", "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return _as_ecs(json.load(answer)["taskDefinition"])

    def policies(self, role: str) -> list[dict]:
        """The policies of a role, as CloudFormation has resolved them."""
        iam = self.client("iam")
        assert not iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        return [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names
        ]

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


def _as_ecs(value):
    if isinstance(value, list):
        return [_as_ecs(each) for each in value]
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _as_ecs(each) for name, each in value.items()}
    return value
