//! Many calls keep every rule, a seed gives the same call, and the simulation reaches what it is for.

use ringline_sim::{Tally, call, timeline};

/// A few seconds' worth. `make sim` runs more.
const CALLS: u64 = 3000;

#[test]
fn thousands_of_calls_keep_every_rule_and_everything_happens_in_them() {
    let mut tally = Tally::default();
    for seed in 0..CALLS {
        let call = call(seed);
        if let Some(violation) = &call.violation {
            let lines = timeline(&call.setup, &call.journal);
            panic!("{lines}\nseed {seed} breaks the rule {:?}: {}", violation.rule, violation.what);
        }
        tally.merge(&call.tally());
    }
    for what in [
        "questions asked",
        "answers by voice",
        "clips played",
        "takeovers connected",
        "calls given back",
        "whispers",
        "user left",
        "interrupted: Words",
        "interrupted: Voice",
        "interrupted: Command",
        "interrupted: Speech",
        "interrupted: Text",
        "failed: Recognition",
        "failed: Generation",
        "failed: Synthesis",
        "failed: Clip",
        "failed: Tool",
        "fell back: Recognition",
        "fell back: Generation",
        "fell back: Synthesis",
        "tools called",
        "button pressed",
        "ended: user_never_joined",
        "ended: user_left",
        "ended: idle",
        "ended: user_idle",
        "ended: stopped_by_client",
        "ended: stopped_by_api",
        "ended: drained",
        "ended: hung_up",
        "ended: takeover_ended",
        "ended: provider_failed",
    ] {
        assert!(tally.count(what) > 0, "no call had \"{what}\": {tally:?}");
    }
}

#[test]
fn a_seed_gives_the_same_call() {
    for seed in [1, 7, 4242] {
        let (first, again) = (call(seed), call(seed));
        assert_eq!(timeline(&first.setup, &first.journal), timeline(&again.setup, &again.journal));
    }
}
