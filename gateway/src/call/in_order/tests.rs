//! Which segments tells make, and what becomes of those behind one that is refused.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_lambda::config::{Credentials, SharedCredentialsProvider};
use callboard_mailbox::MessageId;
use callboard_mailbox::memory::MemoryStore;
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, connect};
use callboard_proto::schema::Schema;
use prost::Message as _;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;
use crate::access::Principal;
use crate::call::{Call, Deliver, Wait};
use crate::{Catalog, Functions, Settings};

const ACTOR: &str = r#"
    syntax = "proto3";
    package t.v1;
    import "callboard/v1/options.proto";
    service A {
      option (callboard.v1.actor) = {};
      rpc Note(NoteRequest) returns (NoteResponse) { option (callboard.v1.handler) = { tell: true }; }
      rpc Look(LookRequest) returns (LookResponse) { option (callboard.v1.handler) = { read_only: true }; }
    }
    message NoteRequest { string key = 1 [(callboard.v1.field) = { key: true }]; string text = 2; }
    message NoteResponse {}
    message LookRequest { string key = 1 [(callboard.v1.field) = { key: true }]; }
    message LookResponse {}
"#;

/// A gateway whose actors never run: what is stored stays.
struct Stand<S> {
    store: S,
    gateway: Arc<Gateway<S>>,
    address: Address,
}

/// `NoteRequest`.
#[derive(Clone, PartialEq, prost::Message)]
struct Note {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    text: String,
}

fn note(id: &str, text: &str) -> Call {
    let note = Note { key: "a".to_owned(), text: text.to_owned() };
    Call {
        path: "/t.v1.A/Note".to_owned(),
        payload: note.encode_to_vec().into(),
        message_id: Some(MessageId::new(id).expect("an id")),
        wait: Wait::Stored,
        ..Call::default()
    }
}

fn notes(count: usize) -> Vec<Call> {
    (1..=count).map(|n| note(&format!("n{n}"), "")).collect()
}

/// A call that is refused before it gets to the database: no read leaves anything behind.
fn look() -> Call {
    Call { path: "/t.v1.A/Look".to_owned(), ..note("look", "") }
}

fn later(id: &str) -> Call {
    Call { deliver: Some(Deliver::After(Duration::from_secs(3_600))), ..note(id, "") }
}

/// What became of each tell, in a word: the place, `again`, `later`, a reason, or `-`
/// when its sender was told nothing.
type Told = Vec<String>;

fn aws_config() -> SdkConfig {
    SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build()
}

impl<S: Store + Clone + 'static> Stand<S> {
    fn over(store: S, settings: Settings) -> Self {
        let schema = Schema::compile_sources(&[("t.proto", ACTOR)]).expect("it is valid");
        let functions = [("t.v1.A".to_owned(), "nobody".to_owned())];
        let functions = Functions::new(&aws_config(), Some("http://127.0.0.1:1"), functions);
        let clock = Arc::new(|| SystemTime::now().into());
        let gateway =
            Gateway::start(store.clone(), Catalog::new(schema), functions, settings, clock);
        Self { store, gateway, address: Address::new("t.v1.A", "a").expect("an address") }
    }

    async fn tell(&self, calls: Vec<Call>) -> (bool, Told) {
        self.tell_until(calls, None).await
    }

    async fn tell_until(&self, calls: Vec<Call>, until: Option<Instant>) -> (bool, Told) {
        let (mut tells, mut answers) = (Vec::new(), Vec::new());
        for call in calls {
            let route = self.gateway.method(&Principal::anonymous(), &call.path);
            let routed = self.gateway.address(route.expect("a method"), call);
            let (told, answer) = oneshot::channel();
            tells.push(Tell { routed: routed.expect("an actor"), told });
            answers.push(answer);
        }
        let is_sent = self.gateway.tell_in_order(&self.address, tells, until).await;
        let told = answers.into_iter().map(|mut answer| match answer.try_recv() {
            Err(_) => "-".to_owned(),
            Ok(Err(refused)) => refused.refusal.reason().to_owned(),
            Ok(Ok(answer)) => match answer.receipt.expect("tells have receipts") {
                Receipt { duplicate: true, .. } => "again".to_owned(),
                Receipt { sequence: None, .. } => "later".to_owned(),
                Receipt { sequence: Some(Sequence(place)), .. } => place.to_string(),
            },
        });
        (is_sent, told.collect())
    }
}

impl Stand<MemoryStore> {
    fn new(settings: Settings) -> Self {
        Self::over(MemoryStore::default(), settings)
    }

    /// The ids of the messages in each segment.
    fn segments(&self) -> Vec<Vec<String>> {
        let now = Timestamp(u64::MAX / 2);
        let page = self
            .store
            .with(|tables| tables.deliverable(&self.address, Sequence(1), now, 1_000_000));
        let ids = |segment: &callboard_mailbox::Segment| {
            let messages = segment.messages().expect("they can be read").into_iter();
            messages.map(|(_, message)| message.id.as_str().to_owned()).collect()
        };
        page.segments.iter().map(ids).collect()
    }
}

fn words(words: &str) -> Told {
    words.split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn what_comes_together_is_one_segment_in_its_order() {
    let stand = Stand::new(Settings::default());
    let places = (1..=64).map(|place: u32| place.to_string()).collect();
    assert_eq!(stand.tell(notes(64)).await, (true, places));
    let [segment] = &*stand.segments() else { panic!("{:?}", stand.segments()) };
    assert_eq!(*segment, (1..=64).map(|n| format!("n{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn nothing_follows_one_that_is_refused_and_what_is_before_it_is_stored() {
    let stand = Stand::new(Settings::default());
    let calls = [notes(3), vec![look()], vec![note("n5", "")]].concat();
    assert_eq!(stand.tell(calls).await, (false, words("1 2 3 INVALID_REQUEST -")));
    assert_eq!(stand.segments(), [words("n1 n2 n3")]);
}

#[tokio::test]
async fn nothing_follows_one_whose_id_was_used_for_another() {
    let stand = Stand::new(Settings::default());
    assert_eq!(stand.tell(vec![later("used")]).await, (true, words("later")));
    let id = MessageId::new("used").expect("an id");
    assert_eq!(stand.gateway.cancel(&stand.address, &id).await, Ok(true));
    let calls = vec![note("n1", ""), note("used", ""), note("n3", "")];
    let (is_sent, told) = stand.tell(calls).await;
    assert!(!is_sent && told[0] == "1" && told[2] == "-", "{told:?}");
    assert_eq!(stand.segments(), [words("n1")]);
}

#[tokio::test]
async fn an_id_that_comes_again_goes_after_the_first() {
    let stand = Stand::new(Settings::default());
    let calls = vec![note("n1", ""), note("n2", ""), note("n1", ""), note("n3", "")];
    assert_eq!(stand.tell(calls).await, (true, words("1 2 3 4")));
    assert_eq!(stand.segments(), [words("n1 n2"), words("n1 n3")]);
}

#[tokio::test]
async fn what_does_not_fit_in_a_segment_goes_into_the_next_one() {
    let stand = Stand::new(Settings::default());
    let big = "x".repeat(150 * 1024);
    let calls = (1..=5).map(|n| note(&format!("n{n}"), &big)).collect();
    assert_eq!(stand.tell(calls).await, (true, words("1 2 3 4 5")));
    assert_eq!(stand.segments(), [words("n1 n2"), words("n3 n4"), words("n5")]);
}

#[tokio::test]
async fn a_delayed_one_is_stored_between_those_beside_it() {
    let stand = Stand::new(Settings::default());
    let calls = [notes(2), vec![later("l")], vec![note("n3", ""), look(), later("l2")]].concat();
    let told = words("1 2 later 3 INVALID_REQUEST -");
    assert_eq!(stand.tell(calls).await, (false, told));
    assert_eq!(stand.segments(), [words("n1 n2"), words("n3")]);
}

#[tokio::test]
async fn a_mailbox_takes_as_many_as_have_room() {
    let stand = Stand::new(Settings { mailbox_depth_max: 3, ..Settings::default() });
    assert_eq!(stand.tell(notes(5)).await, (false, words("1 2 3 MAILBOX_FULL -")));
    assert_eq!(stand.segments().concat(), words("n1 n2 n3"));
}

#[tokio::test]
async fn where_one_may_be_stored_those_in_its_segment_share_its_fate_and_the_rest_is_not_sent() {
    // A database that takes requests and answers none.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("it listens"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.expect("a connection");
            let requests = Arc::clone(&requests);
            tokio::spawn(async move {
                let mut bytes = [0; 4_096];
                while let Ok(read @ 1..) = connection.read(&mut bytes).await {
                    requests.lock().expect("whole").extend_from_slice(&bytes[..read]);
                }
            });
        }
    });
    let config = aws_config().to_builder().region(Region::new("eu-central-1"));
    let config = config.credentials_provider(SharedCredentialsProvider::new(Credentials::new(
        "id", "secret", None, None, "test",
    )));
    let store = DynamoDbStore::new(connect(&config.build(), Some(&url)), Tables::new("t"));
    let stand = Stand::over(store, Settings::default());
    // Of one with an id it would be asked whether it was sent before.
    let calls = [note("n", ""), note("n", ""), later("l")];
    let calls = calls.map(|call| Call { message_id: None, ..call }).to_vec();
    let until = Instant::now() + Duration::from_millis(500);
    let told = stand.tell_until(calls, Some(until)).await;
    assert_eq!(told, (false, words("SEND_TIMEOUT - -")));
    let asked = String::from_utf8_lossy(&asked.lock().expect("whole")).to_lowercase();
    // The wake of the first two, and not the delayed one.
    assert!(asked.contains(".updateitem") && !asked.contains(".putitem"), "{asked}");
}
