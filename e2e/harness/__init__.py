"""What the end-to-end tests share.

    paths    where things are
    ports    ports on loopback for what a test starts
    dev      the real `callboard dev` as a process
    stubs    stock gRPC code for the .proto files
    status   what an error carries
    refusals what a call is refused with, through all doors
    until    waiting for a condition
    mailbox  what a caller can find out about a mailbox
    database what lies in the tables
    headers  what goes with a call and comes with its answer
    generic  calls by name
    admin    `callboard admin`, and the calls that it makes
    tokens   tokens and API keys, and who gives them out
    certificates  certificates, and who gives them out
    leftovers  what a version may leave in mailboxes
    versions the version before
    events   the file that the probe's handlers write
    web      plain HTTP
    http2    HTTP/2 frame by frame
    attack   attacks with it
"""
