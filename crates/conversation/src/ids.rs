//! The counters behind the ids of one call.

use ringline_model::{ClipId, ResponseId, SegmentId, SentenceId};

#[derive(Debug)]
pub(crate) struct Ids {
    response: ResponseId,
    segment: SegmentId,
    sentence: SentenceId,
    clip: ClipId,
}

impl Ids {
    /// Sentence 0 belongs to the greeting, whether there is one or not.
    pub fn new() -> Self {
        Self { response: ResponseId(0), segment: SegmentId(0), sentence: SentenceId(1), clip: ClipId(0) }
    }

    pub fn response(&mut self) -> ResponseId {
        let id = self.response;
        self.response = id.next();
        id
    }

    pub fn segment(&mut self) -> SegmentId {
        let id = self.segment;
        self.segment = id.next();
        id
    }

    pub fn sentence(&mut self) -> SentenceId {
        let id = self.sentence;
        self.sentence = id.next();
        id
    }

    pub fn clip(&mut self) -> ClipId {
        let id = self.clip;
        self.clip = id.next();
        id
    }

    /// Takes back a sentence id that came to nothing, so that questions count up by one; kept as a gap if a later one is
    /// out already.
    pub fn return_sentence(&mut self, id: SentenceId) {
        if id.next() == self.sentence {
            self.sentence = id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returned_sentence_id_is_given_again_unless_a_later_one_is_out() {
        let mut ids = Ids::new();
        let first = ids.sentence();
        ids.return_sentence(first);
        assert_eq!(ids.sentence(), first);
        let _later = ids.sentence();
        ids.return_sentence(first);
        assert_eq!(ids.sentence(), SentenceId(3));
    }
}
