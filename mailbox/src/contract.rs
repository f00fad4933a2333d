//! What every store must do, as one suite of checks that take any store.
//!
//! Each check uses addresses of its own, so that a suite can run on tables
//! that hold other things. `salt` makes them differ from run to run.
//!
//! The checks are facts about operations, by what they are about; what they are
//! made of is in `fixture`.

use crate::store::Store;

mod commit;
mod control;
mod dead_letters;
mod directory;
mod fixture;
mod lease;
mod log;
mod parcels;
mod replies;
mod schedule;
mod state;
mod sweep;

/// Runs every check, and says which.
///
/// # Panics
/// When the store fails one.
pub async fn check(store: &impl Store, salt: &str) {
    macro_rules! run {
        ($($module:ident { $($check:ident)* })*) => {$($(
            println!("contract: {}", stringify!($check));
            $module::$check(store, &fixture::address(stringify!($check), salt)).await;
        )*)*};
    }
    run! {
        log {
            a_segment_is_put_only_where_nothing_is
            the_tail_is_the_end_of_the_log
            segments_are_read_in_order_from_a_place
            a_large_segment_reads_back_as_it_was
            segments_are_kept_for_longer_and_never_for_less
            large_segments_are_all_kept
        }
        lease {
            an_actor_without_record_is_leased_with_epoch_one
            a_live_lease_refuses_and_shows_the_record
            a_lost_answer_to_a_wake_is_found_again
            a_waiting_mailbox_refuses_until_its_time
            a_paused_mailbox_refuses_for_good
        }
        schedule {
            an_actor_without_record_is_made_due
            an_idle_record_is_due_at_the_earlier_time_under_a_new_epoch
            who_holds_waits_or_pauses_is_left_alone
        }
        commit {
            a_commit_is_all_of_the_record
            what_a_commit_does_not_name_is_removed
            a_commit_without_state_keeps_the_stored_one
            a_commit_of_another_epoch_or_revision_changes_nothing
            a_commit_that_arrives_twice_shows_itself
            a_commit_with_a_known_reply_changes_nothing
            a_hundred_items_fit_in_one_commit
            posted_parcels_reach_their_mailboxes
            consumed_parcels_are_gone
            a_parcel_is_consumed_once
        }
        state {
            states_of_every_size_read_back
            a_state_that_shrinks_leaves_nothing_behind
            a_state_is_that_of_its_revision_or_none
            a_snapshot_is_record_and_state
            a_state_is_deleted_with_all_of_its_items
        }
        parcels {
            parcels_come_after_the_log_in_the_order_of_their_slots
            a_page_ends_within_log_or_parcels
            a_delayed_parcel_is_delivered_from_its_time_on
            a_slot_that_is_taken_stays_as_it_is
            an_id_may_look_like_a_key
            a_large_parcel_reads_back_as_it_was
            a_mailbox_larger_than_an_answer_is_read_to_its_end
            what_is_next_is_found_due_or_not
            parcels_are_removed_whether_they_exist_or_not
            a_delayed_message_is_cancelled_once
            only_a_delayed_message_without_reply_is_cancelled
        }
        replies {
            replies_are_read_in_the_order_of_their_keys
            every_outcome_reads_back_with_its_digest
            an_answer_replaces_what_is_there
        }
        dead_letters {
            dead_letters_are_listed_in_order_and_in_pages
            large_letters_are_all_listed
            a_redriven_letter_is_a_parcel_without_reply
            a_letter_is_discarded_once
            actors_with_dead_letters_are_listed
        }
        control {
            a_paused_mailbox_is_paused_once
            a_resumed_mailbox_begins_anew
            a_purge_moves_the_head_forwards
            an_actor_without_record_is_not_controlled
        }
        sweep {
            a_settle_needs_its_epoch
            a_fence_ends_lease_and_wait_and_no_pause
            a_holder_that_is_gone_is_deferred_with_its_error
            an_attempt_that_was_none_is_not_taken_back_twice
            a_record_rests_only_when_it_is_idle
            a_record_that_rests_forgets_its_wakes
        }
        directory {
            due_records_are_found_in_order_of_time
            an_actor_is_listed_once_under_its_type
            actors_are_listed_in_pages
            the_longest_address_is_an_address
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::memory::MemoryStore;

    #[test]
    fn the_memory_store_keeps_the_contract() {
        futures::executor::block_on(super::check(&MemoryStore::default(), "memory"));
    }
}
