//! The normaliser, and the strict machine after it.

use super::machine::{Fed, Lenient, Question};
use super::output::{self, Stretch};
use super::{LenientOptions, Position, Repair};
use crate::json::{
    FeedError, JsonError, JsonErrorKind, Limits, Literal, Machine, NumberKind, Sink, Span, Text,
};

pub use super::machine::Wanted;

/// A sink that also gets the strict text, and knows what it wants.
pub trait LenientSink: Sink {
    /// Strict text, before the events that it makes. Their spans count from its first byte on.
    fn strict(&mut self, text: &[u8]);

    /// A float that JSON has no way to write comes next, at `at` of the strict text.
    fn non_finite(&mut self, at: u64, text: &'static str) {
        let _ = (at, text);
    }

    /// What is wanted where a string begins ([`LenientOptions::nested`], [`LenientOptions::coerce`]).
    ///
    /// # Errors
    ///
    /// As any method of the sink.
    fn wanted(&mut self) -> Result<Wanted, Self::Error> {
        Ok(Wanted::Text)
    }

    /// Whether a list and no object is wanted where an object begins ([`LenientOptions::coerce`]).
    ///
    /// # Errors
    ///
    /// As any method of the sink.
    fn wants_list(&mut self) -> Result<bool, Self::Error> {
        Ok(false)
    }

    /// Whether a null for `key`, as it is written between its quotes, is to be taken for absence
    /// ([`LenientOptions::coerce`]).
    ///
    /// # Errors
    ///
    /// As any method of the sink.
    fn is_absence(&mut self, key: &[u8]) -> Result<bool, Self::Error> {
        let _ = key;
        Ok(false)
    }

    /// The keys that the object that ends lacks, and that are to be null ([`LenientOptions::coerce`]).
    ///
    /// # Errors
    ///
    /// As any method of the sink.
    fn lacks(&mut self) -> Result<Vec<&str>, Self::Error> {
        Ok(Vec::new())
    }

    /// The JSON text of the one member that `text` can mean ([`Wanted::Member`]).
    ///
    /// # Errors
    ///
    /// As any method of the sink.
    fn member(&mut self, text: &str) -> Result<Option<String>, Self::Error> {
        let _ = text;
        Ok(None)
    }
}

/// A sink as a target that wants nothing.
#[derive(Debug)]
pub struct PlainSink<'a, S>(pub &'a mut S);

impl<S: Sink> LenientSink for PlainSink<'_, S> {
    fn strict(&mut self, _text: &[u8]) {}
}

impl<S: Sink> Sink for PlainSink<'_, S> {
    type Error = S::Error;

    fn begin_object(&mut self, at: u64) -> Result<(), S::Error> {
        self.0.begin_object(at)
    }
    fn key(&mut self, key: Text<'_>, span: Span) -> Result<(), S::Error> {
        self.0.key(key, span)
    }
    fn end_object(&mut self, end: u64) -> Result<(), S::Error> {
        self.0.end_object(end)
    }
    fn begin_array(&mut self, at: u64) -> Result<(), S::Error> {
        self.0.begin_array(at)
    }
    fn end_array(&mut self, end: u64) -> Result<(), S::Error> {
        self.0.end_array(end)
    }
    fn string(&mut self, text: Text<'_>, span: Span) -> Result<(), S::Error> {
        self.0.string(text, span)
    }
    fn begin_string(&mut self, at: u64) -> Result<(), S::Error> {
        self.0.begin_string(at)
    }
    fn string_part(&mut self, text: Text<'_>) -> Result<(), S::Error> {
        self.0.string_part(text)
    }
    fn end_string(&mut self, end: u64) -> Result<(), S::Error> {
        self.0.end_string(end)
    }
    fn number(&mut self, text: &str, kind: NumberKind, span: Span) -> Result<(), S::Error> {
        self.0.number(text, kind, span)
    }
    fn literal(&mut self, literal: Literal, span: Span) -> Result<(), S::Error> {
        self.0.literal(literal, span)
    }
}

/// How much is normalised at a time: what is kept of strict text, and of its map, stays small.
const BLOCK: usize = 1 << 14;

/// Reads one text that is meant to be JSON, in chunks cut anywhere.
///
/// # Examples
///
/// ```
/// use partialfast_core::json::NullSink;
/// use partialfast_core::lenient::{LenientOptions, PlainSink, Reader, RepairKind};
///
/// let mut reader = Reader::new(LenientOptions::default());
/// reader.feed(b"{name: 'Ada', tags: [None,", &mut PlainSink(&mut NullSink))?;
/// reader.feed(b"],}", &mut PlainSink(&mut NullSink))?;
/// reader.finish(&mut PlainSink(&mut NullSink))?;
/// let kinds: Vec<_> = reader.repairs().iter().map(|repair| repair.kind).collect();
/// assert_eq!(kinds[0], RepairKind::UnquotedKey);
/// # Ok::<(), partialfast_core::json::FeedError<std::convert::Infallible>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reader {
    options: LenientOptions,
    lenient: Lenient,
    machine: Machine,
    /// Where all strict text so far comes from, if that is to be kept.
    map: Vec<Stretch>,
    /// Where the text begins.
    start: Position,
    error: Option<JsonError>,
}

impl Reader {
    /// A reader in front of a text.
    #[must_use]
    pub fn new(options: LenientOptions) -> Self {
        Self::starting_at(options, Position::START)
    }

    /// A reader in front of a text that begins at `start` of the model's.
    #[must_use]
    pub fn starting_at(options: LenientOptions, start: Position) -> Self {
        // The limit is of the model's text: strict text is at most six times as long.
        let limits = Limits {
            max_bytes: u64::MAX,
            ..options.limits
        };
        Self {
            options,
            lenient: Lenient::new(options, start),
            machine: Machine::new(limits),
            map: Vec::new(),
            start,
            error: None,
        }
    }

    /// Puts the reader in front of a new text.
    pub fn reset(&mut self) {
        *self = Self::starting_at(self.options, self.start);
    }

    /// What was repaired so far, in the order of the text.
    #[must_use]
    pub fn repairs(&self) -> &[Repair] {
        &self.lenient.repairs
    }

    /// Whether the root value is complete.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.machine.is_done()
    }

    /// Whether the text stands inside a number, a literal or a word, of which the sink knows nothing
    /// yet.
    #[must_use]
    pub fn is_in_scalar(&self) -> bool {
        self.lenient.is_in_scalar() || self.machine.is_in_scalar()
    }

    /// The place of the next byte of the model's text.
    #[must_use]
    pub fn position(&self) -> Position {
        self.lenient.place()
    }

    /// How many bytes of strict text were given.
    #[must_use]
    pub fn strict_offset(&self) -> u64 {
        self.machine.offset()
    }

    /// Where the strict text's byte at `offset` comes from ([`LenientOptions::keeps_map`]).
    #[must_use]
    pub fn origin(&self, offset: u64) -> Option<Position> {
        output::origin(&self.map, usize::try_from(offset).ok()?)
    }

    /// Reads a chunk and tells the target what it says. Returns how much was read: all of it, unless
    /// the root value ended in it and [`LenientOptions::stops`] is set.
    ///
    /// # Errors
    ///
    /// [`FeedError::Json`] where the text is not JSON and cannot be taken for JSON with certainty,
    /// with its place in the model's text, the same for every way to cut it. All later calls return
    /// the same error.
    ///
    /// [`FeedError::Sink`] if the target failed; later calls return [`JsonErrorKind::Aborted`].
    pub fn feed<T: LenientSink>(
        &mut self,
        chunk: &[u8],
        target: &mut T,
    ) -> Result<usize, FeedError<T::Error>> {
        if let Some(error) = self.error {
            return Err(FeedError::Json(error));
        }
        let used = self.lenient.place().offset - self.start.offset;
        let room = self.options.limits.max_bytes.saturating_sub(used);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let mut rest = &chunk[..chunk.len().min(room)];
        while !rest.is_empty() {
            let block = &rest[..rest.len().min(BLOCK)];
            let Fed {
                consumed,
                question,
                wrong,
            } = self.lenient.feed(block);
            rest = &rest[consumed..];
            self.pass_on(target)?;
            if let Some((kind, at)) = wrong {
                return Err(self.fail(kind, at));
            }
            self.answer(question, target)?;
            // An answer may lead to another question: of the object around the one that ended.
            while let Some(question) = self.lenient.question() {
                self.answer(question, target)?;
            }
            if self.options.stops && self.lenient.is_done() {
                return Ok(chunk.len().min(room) - rest.len());
            }
        }
        if chunk.len() > room {
            return Err(self.fail(JsonErrorKind::SizeLimit, self.lenient.place()));
        }
        Ok(chunk.len())
    }

    /// Says that a value begins here that is known to be wrong, though it is not read: what was held
    /// until then is told, so that the target knows where that is.
    ///
    /// # Errors
    ///
    /// As [`Reader::feed`].
    pub fn begin_wrong<T: LenientSink>(
        &mut self,
        target: &mut T,
    ) -> Result<(), FeedError<T::Error>> {
        if let Some(error) = self.error {
            return Err(FeedError::Json(error));
        }
        self.lenient.begin_wrong();
        self.pass_on(target)
    }

    /// Says that the text ends here.
    ///
    /// # Errors
    ///
    /// [`JsonErrorKind::Truncated`] if the root value is not complete; otherwise as
    /// [`Reader::feed`].
    pub fn finish<T: LenientSink>(&mut self, target: &mut T) -> Result<(), FeedError<T::Error>> {
        if let Some(error) = self.error {
            return Err(FeedError::Json(error));
        }
        let finished = self.lenient.finish();
        self.pass_on(target)?;
        if let Err((kind, at)) = finished {
            return Err(self.fail(kind, at));
        }
        match self.machine.finish(target) {
            Err(FeedError::Json(error)) => Err(self.fail(error.kind, self.lenient.place())),
            other => other,
        }
    }

    fn answer<T: LenientSink>(
        &mut self,
        question: Question,
        target: &mut T,
    ) -> Result<(), FeedError<T::Error>> {
        let result = match question {
            Question::None => return Ok(()),
            Question::String => target.wanted().map(|wanted| {
                self.lenient.answer_string(wanted);
                Ok(())
            }),
            Question::Object => target
                .wants_list()
                .map(|is_list| self.lenient.answer_object(is_list)),
            Question::Null => target
                .is_absence(self.lenient.key_of_null())
                .map(|is_absence| self.lenient.answer_null(is_absence)),
            Question::End => target.lacks().map(|keys| self.lenient.answer_end(&keys)),
            Question::Member => target
                .member(self.lenient.member())
                .map(|member| self.lenient.answer_member(member.as_deref())),
        };
        let answered = result.map_err(|error| {
            let _: FeedError<T::Error> = self.fail(JsonErrorKind::Aborted, self.lenient.place());
            FeedError::Sink(error)
        })?;
        self.pass_on(target)?;
        answered.map_err(|(kind, at)| self.fail(kind, at))
    }

    /// Hands the strict text that there is to the machine.
    fn pass_on<T: LenientSink>(&mut self, target: &mut T) -> Result<(), FeedError<T::Error>> {
        let result = read(&mut self.machine, &self.lenient, target);
        match result {
            Ok(()) => {
                if self.options.keeps_map {
                    let end = usize::try_from(self.machine.offset()).unwrap_or(usize::MAX);
                    let base = end.saturating_sub(self.lenient.out.bytes.len());
                    self.map.extend(self.lenient.out.stretches(base));
                }
                self.lenient.out.clear();
                self.lenient.non_finite.clear();
                Ok(())
            }
            Err((error, start)) => {
                let stopped = match &error {
                    FeedError::Json(error) => (error.kind, error.offset),
                    FeedError::Sink(_) => (JsonErrorKind::Aborted, self.machine.offset()),
                };
                let index = usize::try_from(stopped.1.saturating_sub(start));
                let origin = index.ok().and_then(|at| self.lenient.out.origin(at));
                let at = origin.unwrap_or(self.lenient.place());
                // The normaliser may have read on.
                let repairs = &mut self.lenient.repairs;
                repairs.retain(|repair| repair.offset < at.offset);
                let failed = self.fail(stopped.0, at);
                Err(match error {
                    FeedError::Json(_) => failed,
                    FeedError::Sink(error) => FeedError::Sink(error),
                })
            }
        }
    }

    #[cold]
    fn fail<E>(&mut self, kind: JsonErrorKind, at: Position) -> FeedError<E> {
        let error = JsonError {
            kind,
            offset: at.offset,
            line: at.line,
            column: at.column,
        };
        self.error = Some(error);
        FeedError::Json(error)
    }
}

/// Reads what the normaliser gave. An error comes with the machine's offset at its beginning.
fn read<T: LenientSink>(
    machine: &mut Machine,
    lenient: &Lenient,
    target: &mut T,
) -> Result<(), (FeedError<T::Error>, u64)> {
    let start = machine.offset();
    let text = &lenient.out.bytes;
    if text.is_empty() {
        return Ok(());
    }
    target.strict(text);
    let mut at = 0;
    let strict = |machine: &mut Machine, mut rest: &[u8], target: &mut T| {
        while !rest.is_empty() {
            rest = &rest[machine.feed(rest, target)?.consumed..];
        }
        Ok(())
    };
    for &(index, float) in &lenient.non_finite {
        strict(machine, &text[at..index], target).map_err(|error| (error, start))?;
        target.non_finite(machine.offset(), float);
        machine
            .non_finite(float, target)
            .map_err(|error| (error, start))?;
        at = index + float.len();
    }
    strict(machine, &text[at..], target).map_err(|error| (error, start))?;
    // Numbers are given whole: one at the end is over.
    machine.end_number(target).map_err(|error| (error, start))
}
