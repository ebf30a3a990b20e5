//! Choosing the operations that cost the fewest bits.

use capbundle::patch::model::{LiteralContext, Model, Operation, Recent, distance_set, jump_set, length_set};

use super::encoder::{Cost, Encoder};
use super::matches::{Chains, PADDING, Places, common};
use capbundle::patch::memory::{self, LONGEST_GAP, LONGEST_WORD, Memory, Saved, is_word};

/// As the reader's.
const WINDOW: usize = 8 << 20;
/// Copies of as many bytes are taken without looking for anything cheaper.
const LONG: usize = 128;
/// Bytes that are planned at once.
const SPAN: usize = 2048;
/// The shortest copies worth a look.
const SHORTEST_JUMP: usize = 4;
const SHORTEST_REPEAT: usize = 3;
/// Costs of operations and lengths are read from the model again after as many operations.
const STALE_AFTER: usize = 512;
/// Lengths that stand for each set of jumps and of distances.
const JUMP_SETS: [u64; 4] = [0, 8, 16, 32];
const DISTANCE_SETS: [u64; 4] = [2, 3, 4, 5];
const KINDS: usize = 7;
/// No cost is as high.
const IMPOSSIBLE: u32 = u32::MAX / 2;

#[derive(Debug, Clone, Copy)]
struct Copied {
    operation: Operation,
    distance: usize,
    length: usize,
}

const LITERAL: Copied = Copied {
    operation: Operation::Literal,
    distance: 0,
    length: 1,
};

/// What the reader knows between two operations.
#[derive(Debug, Clone, Copy)]
struct State {
    distances: [usize; 4],
    old_distance: usize,
    recent: Recent,
    run: u32,
    /// Bytes since the last copy from the old side.
    gap: u64,
}

impl State {
    fn after(mut self, step: Copied, is_old: bool) -> Self {
        self.recent = self.recent.then(step.operation);
        self.gap = if is_old && step.operation != Operation::Literal {
            0
        } else {
            self.gap.saturating_add(step.length as u64)
        };
        if step.operation == Operation::Literal {
            self.run = self.run.saturating_add(1);
            return self;
        }
        let number = if let Operation::Again(number) = step.operation {
            number as usize
        } else {
            3
        };
        self.distances[..=number].rotate_right(1);
        self.distances[0] = step.distance;
        if is_old {
            self.old_distance = step.distance;
        }
        self.run = 0;
        self
    }
}

/// The cheapest way found to a place of the span.
#[derive(Clone, Copy)]
struct Node {
    cost: u32,
    step: Copied,
    state: State,
}

/// Codes `text[base..end]`, of which `text[..base]` is the old side. Behind `end` are [`PADDING`] more bytes.
pub(super) fn encode(text: &[u8], base: usize) -> Vec<u8> {
    let mut parser = Parser::new(text, base);
    while parser.place < parser.end {
        parser.plan();
        parser.write();
    }
    parser.encoder.finish()
}

struct Parser<'a> {
    text: &'a [u8],
    base: usize,
    end: usize,
    /// By 7 bytes, by 24 and by 64: the more, the fewer places.
    indexes: [(Places, usize); 3],
    chains: Chains,
    model: Box<Model>,
    encoder: Encoder,
    cost: Cost,
    memory: Memory,
    /// What the words of a copy of each length cost; none for lengths that end within a replaced word.
    words: Vec<u32>,
    place: usize,
    state: State,
    nodes: Vec<Node>,
    steps: Vec<Copied>,
    lengths: Vec<[u32; LONG + 1]>,
    operations: Vec<[u32; KINDS]>,
    stale: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a [u8], base: usize) -> Self {
        let end = text.len() - PADDING;
        let old = &text[..base];
        let state = State {
            distances: [base; 4],
            old_distance: base,
            recent: Recent::default(),
            run: 0,
            gap: u64::MAX,
        };
        Self {
            text,
            base,
            end,
            indexes: [
                (Places::new(old, 64, 8), 4),
                (Places::new(old, 24, 4), 6),
                (Places::new(old, 7, 1), 16),
            ],
            chains: Chains::new(base, end - base),
            model: Box::new(Model::new()),
            encoder: Encoder::new(),
            cost: Cost::new(),
            memory: Memory::new(),
            words: Vec::with_capacity(2 * LONG),
            place: base,
            state,
            nodes: Vec::with_capacity(SPAN + LONG),
            steps: Vec::new(),
            lengths: vec![[0; LONG + 1]; 5],
            operations: vec![[0; KINDS]; 64],
            stale: STALE_AFTER,
        }
    }

    /// Plans the next steps.
    fn plan(&mut self) {
        if self.stale >= STALE_AFTER {
            self.refresh();
        }
        let (state, step) = (self.state, LITERAL);
        self.nodes.clear();
        self.nodes.push(Node { cost: 0, step, state });
        self.steps.clear();
        let mut at = 0;
        let long = loop {
            // All ways meet in the last node.
            let ends = at > 0 && (at + 1 == self.nodes.len() || at >= SPAN);
            if ends || self.place + at >= self.end {
                break None;
            }
            if let Some(long) = self.extend(at) {
                break Some(long);
            }
            at += 1;
        };
        self.steps.extend(long);
        while at > 0 {
            let step = self.nodes[at].step;
            self.steps.push(step);
            at -= step.length;
        }
        self.steps.reverse();
    }

    /// All steps from the node `at`, or the one long copy there.
    fn extend(&mut self, at: usize) -> Option<Copied> {
        let place = self.place + at;
        self.chains.add_up_to(self.text, place);
        let state = self.nodes[at].state;
        let mut best = LITERAL;
        self.try_again(at, state, &mut best);
        if best.length < LONG {
            self.try_jumps(at, state, &mut best);
        }
        if best.length < LONG {
            self.try_repeats(at, &mut best);
        }
        if best.length >= LONG {
            return Some(best);
        }
        let byte = self.text[place];
        let context = self.literal_context(place, state);
        let model = &mut self.model;
        let cost = self.cost.of(|cost| _ = model.literal(cost, context, byte));
        self.reach(at, LITERAL, cost + self.operations[state.recent.index()][0]);
        None
    }

    fn try_again(&mut self, at: usize, state: State, best: &mut Copied) {
        let place = self.place + at;
        for (number, distance) in (0_u32..).zip(state.distances) {
            let source = place - distance;
            let is_first = !state.distances[..number as usize].contains(&distance);
            if !is_first || distance == 0 || (source >= self.base && distance > WINDOW) {
                continue;
            }
            let is_old = source < self.base;
            let length = if is_old {
                self.walk(source, place, LONG)
            } else {
                self.common_at(source, place)
            };
            let operation = Operation::Again(number);
            let copied = Copied {
                operation,
                distance,
                length,
            };
            if length > best.length || (length == 1 && best.operation == Operation::Literal) {
                *best = copied;
            }
            let shortest = if number == 0 { 1 } else { 2 };
            if length < LONG {
                let words = std::mem::take(&mut self.words);
                self.reach_all(at, copied, shortest, |length| if is_old { words[length] } else { 0 });
                self.words = words;
            }
        }
    }

    fn try_jumps(&mut self, at: usize, state: State, best: &mut Copied) {
        let place = self.place + at;
        if place + PADDING > self.end {
            return;
        }
        let expected = signed(place) - signed(state.old_distance);
        let (text, base, end) = (self.text, self.base, self.end);
        let mut found: Vec<(usize, usize)> = Vec::new();
        let mut longest = SHORTEST_JUMP;
        for (index, most) in &self.indexes {
            index.nearest(&text[place..], expected, *most, |source| {
                let length = common(&text[source..base], &text[place..end]);
                if length > longest {
                    longest = length;
                    found.push((source, length));
                }
            });
            if longest >= index.length + 8 {
                break;
            }
        }
        for (source, length) in found {
            let operation = Operation::Jump;
            let copied = Copied {
                operation,
                distance: place - source,
                length,
            };
            if length > best.length {
                *best = copied;
            }
            let length = self.walk(source, place, LONG).max(length);
            let copied = Copied {
                operation,
                distance: place - source,
                length,
            };
            if length > best.length {
                *best = copied;
            }
            if length < LONG {
                let jump = zigzag(signed(source) - expected);
                let model = &mut self.model;
                let costs = JUMP_SETS.map(|length| self.cost.of(|cost| _ = model.jump(cost, length, jump)));
                let words = std::mem::take(&mut self.words);
                self.reach_all(at, copied, SHORTEST_JUMP, |length| {
                    costs[jump_set(length as u64 - 1)].saturating_add(words[length])
                });
                self.words = words;
            }
        }
    }

    fn try_repeats(&mut self, at: usize, best: &mut Copied) {
        let place = self.place + at;
        let (text, end) = (self.text, self.end);
        let mut found: Vec<(usize, usize)> = Vec::new();
        let mut longest = SHORTEST_REPEAT - 1;
        self.chains.earlier(place, |source| {
            if place - source > WINDOW {
                return false;
            }
            let length = common(&text[source..end], &text[place..end]);
            if length > longest {
                longest = length;
                found.push((source, length));
            }
            longest < LONG
        });
        for (source, length) in found {
            let distance = place - source;
            let copied = Copied {
                operation: Operation::Repeat,
                distance,
                length,
            };
            if length > best.length {
                *best = copied;
            }
            if length < LONG {
                let model = &mut self.model;
                let costs = DISTANCE_SETS.map(|length| {
                    self.cost
                        .of(|cost| _ = model.distance(cost, length, distance as u64 - 1))
                });
                self.reach_all(at, copied, SHORTEST_REPEAT, |length| {
                    costs[distance_set(length as u64 - 1)]
                });
            }
        }
    }

    /// Offers every length of a copy from `shortest` on.
    fn reach_all(&mut self, at: usize, copied: Copied, shortest: usize, more: impl Fn(usize) -> u32) {
        let recent = self.nodes[at].state.recent;
        let operation = self.operations[recent.index()][kind(copied.operation)];
        let set = length_set(recent, copied.operation);
        for length in shortest..=copied.length {
            let more = more(length);
            if more < IMPOSSIBLE {
                let cost = operation + self.lengths[set][length] + more;
                self.reach(at, Copied { length, ..copied }, cost);
            }
        }
    }

    fn reach(&mut self, at: usize, step: Copied, cost: u32) {
        let from = self.nodes[at];
        let cost = from.cost + cost;
        let target = at + step.length;
        let is_old = (self.place + at).wrapping_sub(step.distance) < self.base;
        while self.nodes.len() <= target {
            self.nodes.push(Node { cost: u32::MAX, ..from });
        }
        if cost < self.nodes[target].cost {
            let state = from.state.after(step, is_old);
            self.nodes[target] = Node { cost, step, state };
        }
    }

    /// How many bytes a copy from `source` gives that are right at `place`, with words replaced where that is right; looks at
    /// little more than `most`. Leaves what the words of each length cost.
    fn walk(&mut self, source: usize, place: usize, most: usize) -> usize {
        let (text, base) = (self.text, self.base);
        let limit = (base - source).min(self.end - place);
        self.words.clear();
        self.note(0);
        let mut sum = 0;
        let mut length = 0;
        while length < limit && length < most {
            let at = source + length;
            if is_word(text[at]) && (at == 0 || !is_word(text[at - 1])) {
                let rest = &text[at..base.min(at + LONGEST_WORD + 1)];
                let word = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
                if word <= LONGEST_WORD && length + word <= limit {
                    let hash = memory::hash(&text[at..at + word]);
                    let new = &text[place + length..place + length + word];
                    if let Some((replacement, history)) = self.memory.find(hash, word) {
                        let is_replaced = new == replacement;
                        if !is_replaced && *new != text[at..at + word] {
                            for _ in 0..common(new, &text[at..at + word]) {
                                self.note(sum);
                                length += 1;
                            }
                            break;
                        }
                        let model = &mut self.model;
                        let flag = self
                            .cost
                            .of(|cost| _ = model.replaced(cost, word, history, is_replaced));
                        for place in 1..word {
                            let is_plain = new[..place] == text[at..at + place];
                            self.note(if is_plain { sum } else { IMPOSSIBLE });
                        }
                        sum += flag;
                        self.note(sum);
                        length += word;
                        continue;
                    }
                }
            }
            if text[at] != text[place + length] {
                break;
            }
            self.note(sum);
            length += 1;
        }
        length
    }

    /// Notes the cost of the words of one more byte. Of long copies, which are taken whole, not all are needed.
    fn note(&mut self, cost: u32) {
        if self.words.len() < 2 * LONG {
            self.words.push(cost);
        }
    }

    fn common_at(&self, source: usize, place: usize) -> usize {
        let limit = if source < self.base { self.base } else { self.end };
        common(&self.text[source..limit], &self.text[place..self.end])
    }

    fn literal_context(&self, place: usize, state: State) -> LiteralContext {
        let new = &self.text[self.base..place];
        let last = new
            .iter()
            .rev()
            .take(4)
            .rev()
            .fold(0, |last, byte| last << 8 | u32::from(*byte));
        let distance = state.distances[0];
        let source = place - distance;
        let expected = if distance == 0 || (source >= self.base && distance > WINDOW) {
            0
        } else {
            self.text[source]
        };
        LiteralContext {
            last,
            expected,
            run: state.run,
        }
    }

    /// Writes the planned steps, up to one that teaches new words: those behind it were planned without them.
    fn write(&mut self) {
        let steps = std::mem::take(&mut self.steps);
        for step in &steps {
            self.stale += 1;
            if self.write_one(*step) {
                break;
            }
        }
        self.steps = steps;
        if self.place > self.base {
            self.chains.add_up_to(self.text, self.place - 1);
        }
    }

    fn write_one(&mut self, mut step: Copied) -> bool {
        let (place, state, operation) = (self.place, self.state, step.operation);
        let source = place - step.distance;
        let is_old = source < self.base && operation != Operation::Literal;
        let mut learned = false;
        if is_old {
            let teaches = step.distance == state.old_distance && (1..=LONGEST_GAP).contains(&state.gap);
            let is_whole = self.walk(source, place, step.length + 1) <= step.length || step.length >= LONG;
            if is_whole {
                step.length = self.walk(source, place, usize::MAX);
            }
            // A longer copy may show where a word ends, and so teach one more. The reader learns from the final length, and
            // even a part of a copy may hold words that are now replaced by others.
            let saved = if teaches {
                self.saved(source, step.length, state.gap)
            } else {
                Vec::new()
            };
            while teaches && self.learn(source, place, step.length, state.gap) {
                learned = true;
                let length = self.walk(source, place, usize::MAX);
                if length == step.length {
                    break;
                }
                if length == 0 {
                    // What the copy teaches makes it wrong from its first word on. A literal teaches nothing.
                    for saved in &saved {
                        self.memory.restore(saved);
                    }
                    self.write_one(LITERAL);
                    return true;
                }
                step.length = length;
            }
        }
        let length = step.length as u64 - 1;
        let (model, encoder) = (&mut self.model, &mut self.encoder);
        model.operation(encoder, state.recent, operation);
        if operation == Operation::Literal {
            let context = self.literal_context(place, state);
            self.model.literal(&mut self.encoder, context, self.text[place]);
        } else {
            model.length(encoder, state.recent, operation, length);
        }
        if operation == Operation::Jump {
            let jump = signed(source) - (signed(place) - signed(state.old_distance));
            self.model.jump(&mut self.encoder, length, zigzag(jump));
        } else if operation == Operation::Repeat {
            self.model.distance(&mut self.encoder, length, step.distance as u64 - 1);
        }
        if is_old {
            self.write_words(source, place, step.length);
        }
        self.state = state.after(step, is_old);
        self.place += step.length;
        learned
    }

    /// The memory of all words that a copy may teach.
    fn saved(&self, source: usize, length: usize, gap: u64) -> Vec<Saved> {
        let longest = LONGEST_WORD + 1;
        let back = usize::try_from(gap).unwrap_or(longest) + longest;
        let text = &self.text
            [source.saturating_sub(back)..(source + length.max(longest)).min(self.base).min(source + longest)];
        text.split(|byte| !is_word(*byte))
            .map(|word| self.memory.saved(memory::hash(word)))
            .collect()
    }

    fn learn(&mut self, source: usize, place: usize, length: usize, gap: u64) -> bool {
        let longest = LONGEST_WORD + 1;
        let back = (usize::try_from(gap).unwrap_or(longest) + longest)
            .min(source)
            .min(place - self.base);
        let (start, end) = (source - back, (source + length).min(source + longest));
        let mut new = self.text[start..end].to_vec();
        new[..back].copy_from_slice(&self.text[place - back..place]);
        self.memory
            .learn(&self.text[start..end], &new, start == 0, end == self.base)
    }

    /// Which words of a copy are replaced.
    fn write_words(&mut self, source: usize, place: usize, length: usize) {
        let text = self.text;
        let end = source + length;
        let mut at = source;
        if at > 0 && is_word(text[at - 1]) {
            while at < end && is_word(text[at]) {
                at += 1;
            }
        }
        while at < end {
            let start = at;
            while at < end && is_word(text[at]) {
                at += 1;
            }
            let is_whole = at < self.base && !is_word(text[at]) || at == self.base;
            let word = at - start;
            if is_whole && (1..=LONGEST_WORD).contains(&word) {
                let hash = memory::hash(&text[start..at]);
                if let Some((_, history)) = self.memory.find(hash, word) {
                    let new = place + (start - source);
                    let is_replaced = text[new..new + word] != text[start..at];
                    self.model.replaced(&mut self.encoder, word, history, is_replaced);
                    self.memory.used(hash, is_replaced);
                }
            }
            at += 1;
        }
    }

    /// Reads the costs of operations and lengths from the model.
    fn refresh(&mut self) {
        self.stale = 0;
        let (model, cost) = (&mut self.model, &mut self.cost);
        let mut recent = Recent::default();
        // Every three operations, so every past.
        for past in 0..64_u32 {
            for shift in [4, 2, 0] {
                recent = recent.then(ONE_OF_EACH[(past >> shift & 3) as usize]);
            }
            self.operations[recent.index()] =
                OPERATIONS.map(|operation| cost.of(|cost| _ = model.operation(cost, recent, operation)));
        }
        for (operation, after) in LENGTHS {
            let recent = Recent::default().then(after);
            for length in 1..=LONG {
                self.lengths[length_set(recent, operation)][length] =
                    cost.of(|cost| _ = model.length(cost, recent, operation, length as u64 - 1));
            }
        }
    }
}

const ONE_OF_EACH: [Operation; 4] = [
    Operation::Literal,
    Operation::Again(0),
    Operation::Jump,
    Operation::Repeat,
];
const OPERATIONS: [Operation; KINDS] = [
    Operation::Literal,
    Operation::Again(0),
    Operation::Again(1),
    Operation::Again(2),
    Operation::Again(3),
    Operation::Jump,
    Operation::Repeat,
];
/// An operation of each set of lengths, and one before it.
const LENGTHS: [(Operation, Operation); 5] = [
    (Operation::Again(0), Operation::Jump),
    (Operation::Again(0), Operation::Literal),
    (Operation::Again(1), Operation::Literal),
    (Operation::Jump, Operation::Literal),
    (Operation::Repeat, Operation::Literal),
];

fn kind(operation: Operation) -> usize {
    match operation {
        Operation::Literal => 0,
        Operation::Again(number) => 1 + number as usize,
        Operation::Jump => 5,
        Operation::Repeat => 6,
    }
}

#[expect(clippy::cast_possible_wrap, reason = "the caller bounds the text to 32 bits")]
fn signed(place: usize) -> i64 {
    place as i64
}

/// Numbers of both signs as numbers without: 0, -1, 1, -2, …
#[expect(clippy::cast_sign_loss, reason = "that is its purpose")]
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}
