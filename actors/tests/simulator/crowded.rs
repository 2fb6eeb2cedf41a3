//! More edits on their way than a session may be owed for, and a room that fails before it took any.

use crate::plan::Plan;

#[test]
fn an_answer_behind_more_edits_than_may_be_owed_is_not_waited_for_without_end() {
    let _alone = crate::alone();
    // A client begins anew to sync, sends twice as many edits as it may be owed for and then its answer, and the room
    // panics before that.
    let mut plan = Plan::of(86);
    plan.limits.owed_edits = 11;
    plan.faults.lull = 0;
    let outcome = crate::run(plan, None, false);
    assert_eq!(outcome.verdict, Ok(()));
}
