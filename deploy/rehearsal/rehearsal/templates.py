"""The templates as the emulator takes them: as they are, but for resources that it does not know."""

import re

from harness.paths import REPOSITORY

# Resource types that the emulator does not have. A test fails when it has one of them after all.
UNKNOWN = {
    # When there are more gateways and when fewer: this machine has those that a test starts.
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    # Who reaches whom: this machine has no network between the load balancer and gateways.
    "AWS::EC2::SecurityGroupIngress",
}

# A resource with all of its lines, which are deeper than its name or empty.
RESOURCE = re.compile(r"^  (\w+):\n    Type: (AWS::\S+)\n(?:(?:    .*)?\n)*", re.MULTILINE)


def template(name: str) -> str:
    """One of deploy/*.yaml, unchanged."""
    return (REPOSITORY / "deploy" / f"{name}.yaml").read_text()


def types(template: str) -> set[str]:
    """The types of its resources."""
    return {found[2] for found in RESOURCE.finditer(template)}


def without(template: str, cut: set[str]) -> str:
    """The template without the resources of these types, and without the order that they are in."""
    names = [found[1] for found in RESOURCE.finditer(template) if found[2] in cut]
    template = RESOURCE.sub(lambda found: "" if found[2] in cut else found[0], template)

    def still_there(written: re.Match) -> str:
        kept = [name for name in written[2].split(", ") if name not in names]
        return f"{written[1]}[{', '.join(kept)}]"

    return re.sub(r"(DependsOn: )\[([\w, ]+)\]", still_there, template)
