"""What the templates make, on this machine: tables, functions, roles, and a gateway."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from harness.paths import binary
from harness.ports import free_port

from rehearsal import gateway, recorder
from rehearsal.asked import Account
from rehearsal.emulator import ACCOUNT, REGION, Emulator
from rehearsal.local import DynamoDbLocal
from rehearsal.package import ARCHITECTURE
from rehearsal.policy import Policy
from rehearsal.stubs import CRATES
from rehearsal.templates import UNKNOWN, template, without

# Who makes tables by `callboard tables create`: a person, with rights of his own.
DEPLOYER_KEY = "AKIADEPLOYER"

# The functions: the binary that each is packaged from, its actor types, and whom these send to.
FUNCTIONS = {
    "callboard-counter": ("counter", "counter.v1.Counter", ""),
    "callboard-bank": ("bank", "bank.v1.Account,bank.v1.Transfer", ""),
    "callboard-desk": ("desk", "desk.v1.Desk", "desk.v1.Archive"),
    "callboard-archive": ("desk", "desk.v1.Archive", "desk.v1.Desk"),
}

BUCKET = "callboard-code"

POLICY = """
[[allow]]
who = ["key:first"]
actors = ["*"]
methods = ["*"]
keys = ["*"]

[[allow]]
who = ["key:first"]
admin = ["*"]
"""

# Who asks, beside the functions, which have their own names.
GATEWAY = "gateway"
DEPLOYER = "deployer"


class World:
    """`packages` are the zips by their binaries' names; `is_local` puts DynamoDB Local in the tables' place."""

    def __init__(self, folder: Path, packages: dict[str, Path], is_local: bool) -> None:
        self.folder = folder
        self.packages = packages
        self.log = recorder.Log()
        self.played: set[str] = set()
        self._ends: list[Callable[[], None]] = []
        self._policies: dict[str, Policy] = {}
        # The functions by their access keys.
        self._function_of: dict[str, str] = {}
        self.outputs: dict[str, dict[str, str]] = {}
        try:
            self._make(is_local)
        except BaseException:
            self.close()
            raise

    def _make(self, is_local: bool) -> None:
        port = free_port()
        database = f"http://127.0.0.1:{port}"
        if is_local:
            local = DynamoDbLocal()
            self._ends.append(local.close)
            database = local.url
        account = Account(ACCOUNT, REGION, {})
        self.database = recorder.DynamoDb(database, self.log, self._caller, account)
        self._ends.append(self.database.close)
        # The functions find the database by a variable that is the emulator's.
        environment = {"AWS_ENDPOINT_URL_DYNAMODB": self.database.url}
        self.emulator = Emulator(self.folder, environment, port)
        self._ends.append(self.emulator.close)
        self.functions = recorder.Lambda(self.emulator.url, self.log, self._caller, account)
        self._ends.append(self.functions.close)

        self.deploy("callboard-tables", template("tables"))
        account.partition_keys.update(self._partition_keys())
        if is_local:
            self.tables("create")
        else:
            self._expire()
        self.emulator.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        for function in FUNCTIONS:
            self.deploy_function(function, version=1)
        self._deploy_gateway()

    def close(self) -> None:
        while self._ends:
            self._ends.pop()()

    def deploy(self, stack: str, text: str, **parameters: str) -> None:
        self.outputs[stack] = self.emulator.deploy(stack, text, **parameters)
        # They may be others now.
        self._policies.clear()

    def deploy_function(self, function: str, version: int, peers: str | None = None) -> None:
        """Uploads its zip, unchanged, and makes its stack or changes it."""
        name, types, its_peers = FUNCTIONS[function]
        key = f"{name}-{version}.zip"
        self.emulator.client("s3").put_object(
            Bucket=BUCKET, Key=key, Body=self.packages[name].read_bytes()
        )
        self.deploy(
            function,
            template("actor"),
            FunctionName=function,
            ActorTypes=types,
            PeerTypes=its_peers if peers is None else peers,
            CodeBucket=BUCKET,
            CodeKey=key,
            Architecture=ARCHITECTURE,
        )

    def tables(self, action: str) -> subprocess.CompletedProcess:
        """`callboard tables`, by who deploys."""
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL_DYNAMODB": self.database.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": DEPLOYER_KEY,
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        command = [binary("callboard"), "tables", action]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done
        return done

    def _expire(self) -> None:
        """As the template says, which the emulator does not do."""
        dynamodb = self.emulator.client("dynamodb")
        for name in dynamodb.list_tables()["TableNames"]:
            told = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            assert told["TimeToLiveStatus"] == "DISABLED", "it does it now: take this away"
            dynamodb.update_time_to_live(
                TableName=name,
                TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True},
            )

    def _partition_keys(self) -> dict[str, str]:
        """As the template has made the tables."""
        found = {}
        for table in self.emulator.client("dynamodb").list_tables()["TableNames"]:
            described = self.emulator.client("dynamodb").describe_table(TableName=table)["Table"]
            found[table] = _hash(described)
            for index in described.get("GlobalSecondaryIndexes", []):
                found[f"{table}/index/{index['IndexName']}"] = _hash(index)
        return found

    def _deploy_gateway(self) -> None:
        ec2 = self.emulator.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = ",".join(
            ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}"
            )["Subnet"]["SubnetId"]
            for n, zone in enumerate("ab")
        )
        acm = self.emulator.client("acm")
        certificate = acm.request_certificate(DomainName="callboard.example.com")["CertificateArn"]
        made = subprocess.run(
            [binary("callboard"), "api-key", "new", "first"],
            capture_output=True,
            text=True,
            check=True,
        )
        [key] = [line.strip() for line in made.stderr.splitlines() if line.startswith("  ")]
        secrets = self.emulator.client("secretsmanager")
        arn = lambda name, text: secrets.create_secret(Name=name, SecretString=text)["ARN"]
        types = [
            (kind, function)
            for function, (_, kinds, _) in FUNCTIONS.items()
            for kind in kinds.split(",")
        ]
        self.deploy(
            "callboard-gateway",
            without(template("gateway"), UNKNOWN),
            Functions=",".join(
                f"{kind}={self.outputs[function]['Function']}" for kind, function in types
            ),
            ImageTag="1",
            VpcId=vpc,
            LoadBalancerSubnetIds=subnets,
            GatewaySubnetIds=subnets,
            CallersCidr="10.0.0.0/16",
            CertificateArn=certificate,
            ApiKeysSecretArn=arn("callboard/api-keys", made.stdout),
            PolicySecretArn=arn("callboard/policy", POLICY),
            Admin="true",
        )
        ecs = self.emulator.client("ecs")
        outputs = self.outputs["callboard-gateway"]
        [service] = ecs.describe_services(
            cluster=outputs["ClusterName"], services=[outputs["ServiceName"]]
        )["services"]
        definition = self.emulator.task_definition(service["taskDefinition"])
        task = gateway.Task(
            definition, lambda arn: secrets.get_secret_value(SecretId=arn)["SecretString"]
        )
        task.prepare(self.folder)
        self.gateway_role = definition["taskRoleArn"].rpartition("/")[2]
        credentials = gateway.Credentials()
        self._ends.append(credentials.close)
        aws = {
            "AWS_ENDPOINT_URL_DYNAMODB": self.database.url,
            "AWS_ENDPOINT_URL_LAMBDA": self.functions.url,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": credentials.url,
        }
        self.gateway = gateway.Gateway(task, self.folder, self._protos(), aws, key)
        self._ends.append(self.gateway.clean_up)
        self.gateway.start()

    def _protos(self) -> Path:
        """What the image has in /srv/protos."""
        protos = self.folder / "protos"
        for crate in CRATES.values():
            shutil.copytree(crate / "proto", protos, dirs_exist_ok=True)
        return protos

    def _caller(self, key: str) -> recorder.Caller:
        """Who has this key, with the policies of his role as they are now."""
        if key == DEPLOYER_KEY:
            return recorder.Caller(DEPLOYER, None)
        if key == gateway.KEY:
            return recorder.Caller(GATEWAY, self.policy(self.gateway_role))
        if key not in self._function_of:
            self._function_of.update(self.emulator.functions())
        function = self._function_of[key]
        return recorder.Caller(function, self.policy(self.function_role(function)))

    def function_role(self, function: str) -> str:
        return self.outputs[function]["RoleArn"].rpartition("/")[2]

    def policy(self, role: str) -> Policy:
        if role not in self._policies:
            self._policies[role] = Policy(self.emulator.policies(role))
        return self._policies[role]


def _hash(described: dict) -> str:
    [name] = [key["AttributeName"] for key in described["KeySchema"] if key["KeyType"] == "HASH"]
    return name
