//! What the templates in deploy/ create, with the defaults of their parameters. A test compares it
//! with them: e2e/tests/test_deploy_commands.py.

use std::path::Path;

use callboard_proto::schema::{ActorType, Schema};
use serde::Serialize;

use crate::command::project::{FunctionEntry, Project};
use crate::command::{Failure, check};

/// One stack of CloudFormation.
#[derive(Debug, Serialize)]
pub(super) struct Stack {
    pub(super) name: String,
    /// Where it comes from.
    pub(super) template: &'static str,
    pub(super) resources: Vec<Resource>,
}

/// Something that it creates.
#[derive(Debug, Serialize)]
pub(super) struct Resource {
    #[serde(rename = "type")]
    pub(super) of: &'static str,
    pub(super) what: String,
}

/// A function and the actor types that it serves.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) types: Vec<String>,
}

/// How the stacks are sized.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) gateways: u32,
    pub(super) vcpus: f64,
    pub(super) gateway_gb: f64,
    pub(super) memory_mb: u32,
}

/// The functions of a folder: those of its callboard.toml, or one with all actor types.
pub(super) fn functions(dir: &Path) -> Result<Vec<Function>, Failure> {
    let project = Project::open(dir)?;
    let schema = check::compile(&project.protos)?;
    let all = || types(&schema);
    if project.functions.is_empty() {
        // A folder that was just read is there.
        let folder = project.dir.canonicalize()?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![Function { name, types: all() }]);
    }
    let is_one = project.functions.len() == 1;
    let function = |(name, entry): (&String, &FunctionEntry)| {
        let types = match entry.actors.is_empty() {
            true if is_one => all(),
            // Which they are the function itself knows.
            _ => entry.actors.clone(),
        };
        Function { name: name.clone(), types }
    };
    Ok(project.functions.iter().map(function).collect())
}

fn types(schema: &Schema) -> Vec<String> {
    schema.actors().iter().map(ActorType::type_name).map(str::to_owned).collect()
}

/// All stacks, in the order in which they are made.
pub(super) fn stacks(functions: &[Function], sizes: Sizes) -> Vec<Stack> {
    let mut stacks = vec![tables()];
    stacks.extend(functions.iter().map(|function| actors(function, sizes)));
    stacks.push(gateways(sizes));
    stacks
}

fn tables() -> Stack {
    let table = "AWS::DynamoDB::Table";
    stack(
        "callboard-tables",
        "deploy/tables.yaml",
        [
            (table, "callboard-mailboxes, with the indexes due and directory; on demand"),
            (table, "callboard-replies; on demand"),
        ],
    )
}

fn actors(function: &Function, sizes: Sizes) -> Stack {
    // What names of stacks may have.
    let is_fit = |c: char| c.is_ascii_alphanumeric();
    let name: String = function.name.chars().map(|c| if is_fit(c) { c } else { '-' }).collect();
    let name = format!("callboard-{name}");
    let types = match function.types.is_empty() {
        true => "its actor types".to_owned(),
        false => function.types.join(", "),
    };
    let serves = format!("{name}: {types}; arm64, {} MB, 10 at once", sizes.memory_mb);
    stack(
        &name,
        "deploy/actor.yaml",
        [
            ("AWS::Lambda::Function", serves.as_str()),
            ("AWS::Lambda::Version", "its code, for runs that have begun"),
            ("AWS::Lambda::Alias", "live, which gateways invoke"),
            ("AWS::Lambda::EventInvokeConfig", "no retries by Lambda"),
            ("AWS::IAM::Role", "may use the items of its own actors"),
            ("AWS::Logs::LogGroup", "its log, for 30 days"),
        ],
    )
}

fn gateways(sizes: Sizes) -> Stack {
    let Sizes { gateways, vcpus, gateway_gb, .. } = sizes;
    let most = gateways.max(10);
    let service = format!("{gateways} to {most} tasks in several zones");
    let task = format!("Fargate, arm64, {vcpus} vCPU, {gateway_gb} GB");
    stack(
        "callboard-gateway",
        "deploy/gateway.yaml",
        [
            ("AWS::ECS::Cluster", "gateways"),
            ("AWS::ECS::Service", service.as_str()),
            ("AWS::ECS::TaskDefinition", task.as_str()),
            ("AWS::ApplicationAutoScaling::ScalableTarget", "the number of tasks"),
            ("AWS::ApplicationAutoScaling::ScalingPolicy", "by CPU"),
            ("AWS::ElasticLoadBalancingV2::LoadBalancer", "internal"),
            ("AWS::ElasticLoadBalancingV2::Listener", "HTTPS, with your certificate"),
            ("AWS::ElasticLoadBalancingV2::ListenerRule", "gRPC by its content type"),
            ("AWS::ElasticLoadBalancingV2::TargetGroup", "gRPC"),
            ("AWS::ElasticLoadBalancingV2::TargetGroup", "Connect, gRPC-Web"),
            ("AWS::EC2::SecurityGroup", "gateways"),
            ("AWS::EC2::SecurityGroup", "load balancer"),
            ("AWS::EC2::SecurityGroupIngress", "from the load balancer to gateways"),
            ("AWS::IAM::Role", "may use the tables, and invoke functions called callboard-*"),
            ("AWS::IAM::Role", "starts tasks"),
            ("AWS::Logs::LogGroup", "the gateways' log, for 30 days"),
        ],
    )
}

fn stack<'a>(
    name: &str,
    template: &'static str,
    resources: impl IntoIterator<Item = (&'static str, &'a str)>,
) -> Stack {
    let resources = resources.into_iter();
    let resources = resources.map(|(of, what)| Resource { of, what: what.to_owned() }).collect();
    Stack { name: name.to_owned(), template, resources }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_those_of_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path();
        let counter = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/counter/proto");
        let settings = |functions: &str| {
            let text = format!("protos = '{counter}'\n{functions}");
            std::fs::write(dir.join("callboard.toml"), text).expect("it can be written");
            functions_of(dir)
        };
        let counter = vec!["counter.v1.Counter".to_owned()];
        let [only] = &settings("")[..] else { panic!("there is one") };
        assert_eq!(only.types, counter);
        let [only] = &settings("[functions.a]")[..] else { panic!("there is one") };
        assert_eq!((&*only.name, &only.types), ("a", &counter));
        let two = settings("[functions.a]\nactors = ['counter.v1.Counter']\n[functions.b_c]");
        assert_eq!((two[0].types.as_slice(), two[1].types.len()), (counter.as_slice(), 0));
        let sizes = Sizes { gateways: 2, vcpus: 0.5, gateway_gb: 1.0, memory_mb: 512 };
        let names: Vec<_> = stacks(&two, sizes).into_iter().map(|stack| stack.name).collect();
        let expected = ["callboard-tables", "callboard-a", "callboard-b-c", "callboard-gateway"];
        assert_eq!(names, expected);
    }

    fn functions_of(dir: &Path) -> Vec<Function> {
        functions(dir).unwrap_or_else(|Failure(text)| panic!("{text}"))
    }
}
