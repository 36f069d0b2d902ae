//! The ABNF of RFC 8259 and RFC 3629, transcribed and run without thought: a set of stacks of what
//! must still come, derived by one byte at a time. Slow, and shares nothing with the machine, so it
//! can say where the first byte stands after which no continuation is a JSON text.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What the grammar says about some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are a JSON text.
    Valid,
    /// They are the beginning of one.
    Prefix,
    /// The byte at this offset can follow in none.
    Impossible(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Symbol {
    /// One byte of the range.
    Bytes(u8, u8),
    Rule(Rule),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    Text,
    Ws,
    Value,
    Members,
    MoreMembers,
    Member,
    Values,
    MoreValues,
    Number,
    Int,
    Digits,
    Digit,
    Frac,
    Exp,
    Sign,
    String,
    Chars,
    Hex,
    LowSurrogate,
    Tail,
}

use Rule::*;

fn lit(text: &str) -> Vec<Symbol> {
    text.bytes().map(|byte| Symbol::Bytes(byte, byte)).collect()
}

/// One symbol after another.
fn seq(parts: &[&[Symbol]]) -> Vec<Symbol> {
    parts.concat()
}

const fn r(rule: Rule) -> [Symbol; 1] {
    [Symbol::Rule(rule)]
}

const fn b(low: u8, high: u8) -> [Symbol; 1] {
    [Symbol::Bytes(low, high)]
}

#[allow(clippy::too_many_lines, reason = "a grammar is a list")]
fn alternatives(rule: Rule) -> Vec<Vec<Symbol>> {
    match rule {
        // JSON-text = ws value ws
        Text => vec![seq(&[&r(Ws), &r(Value), &r(Ws)])],
        // ws = *( %x20 / %x09 / %x0A / %x0D )
        Ws => vec![
            vec![],
            seq(&[&lit(" "), &r(Ws)]),
            seq(&[&lit("\t"), &r(Ws)]),
            seq(&[&lit("\n"), &r(Ws)]),
            seq(&[&lit("\r"), &r(Ws)]),
        ],
        // value = false / null / true / object / array / number / string
        Value => vec![
            lit("false"),
            lit("null"),
            lit("true"),
            seq(&[&lit("{"), &r(Ws), &lit("}")]),
            seq(&[&lit("{"), &r(Ws), &r(Members), &r(Ws), &lit("}")]),
            seq(&[&lit("["), &r(Ws), &lit("]")]),
            seq(&[&lit("["), &r(Ws), &r(Values), &r(Ws), &lit("]")]),
            r(Number).to_vec(),
            r(String).to_vec(),
        ],
        // member *( value-separator member )
        Members => vec![seq(&[&r(Member), &r(MoreMembers)])],
        MoreMembers => vec![
            vec![],
            seq(&[&r(Ws), &lit(","), &r(Ws), &r(Member), &r(MoreMembers)]),
        ],
        // member = string name-separator value
        Member => vec![seq(&[&r(String), &r(Ws), &lit(":"), &r(Ws), &r(Value)])],
        Values => vec![seq(&[&r(Value), &r(MoreValues)])],
        MoreValues => vec![
            vec![],
            seq(&[&r(Ws), &lit(","), &r(Ws), &r(Value), &r(MoreValues)]),
        ],
        // number = [ minus ] int [ frac ] [ exp ]
        Number => vec![
            seq(&[&r(Int), &r(Frac), &r(Exp)]),
            seq(&[&lit("-"), &r(Int), &r(Frac), &r(Exp)]),
        ],
        // int = zero / ( digit1-9 *DIGIT )
        Int => vec![lit("0"), seq(&[&b(b'1', b'9'), &r(Digits)])],
        Digits => vec![vec![], seq(&[&r(Digit), &r(Digits)])],
        Digit => vec![b(b'0', b'9').to_vec()],
        // frac = decimal-point 1*DIGIT
        Frac => vec![vec![], seq(&[&lit("."), &r(Digit), &r(Digits)])],
        // exp = e [ minus / plus ] 1*DIGIT
        Exp => vec![
            vec![],
            seq(&[&lit("e"), &r(Sign), &r(Digit), &r(Digits)]),
            seq(&[&lit("E"), &r(Sign), &r(Digit), &r(Digits)]),
        ],
        Sign => vec![vec![], lit("+"), lit("-")],
        // string = quotation-mark *char quotation-mark
        String => vec![seq(&[&lit("\""), &r(Chars), &lit("\"")])],
        Chars => {
            let mut chars = vec![vec![]];
            chars.extend(characters().into_iter().map(|mut character| {
                character.push(Symbol::Rule(Chars));
                character
            }));
            chars
        }
        Hex => vec![
            b(b'0', b'9').to_vec(),
            b(b'a', b'f').to_vec(),
            b(b'A', b'F').to_vec(),
        ],
        // The second half of a surrogate pair: D, then C to F, then any two.
        LowSurrogate => {
            let mut halves = vec![];
            for first in ["\\ud", "\\uD"] {
                for second in [b(b'c', b'f'), b(b'C', b'F')] {
                    halves.push(seq(&[&lit(first), &second, &r(Hex), &r(Hex)]));
                }
            }
            halves
        }
        // UTF8-tail = %x80-BF
        Tail => vec![b(0x80, 0xBF).to_vec()],
    }
}

/// char of RFC 8259; unescaped = %x20-21 / %x23-5B / %x5D-10FFFF, as UTF-8 (RFC 3629); a surrogate
/// only in a pair, since the text would not be a sequence of characters otherwise.
fn characters() -> Vec<Vec<Symbol>> {
    let tail = &r(Tail);
    let hex = &r(Hex);
    let mut chars = vec![
        b(0x20, 0x21).to_vec(),
        b(0x23, 0x5B).to_vec(),
        b(0x5D, 0x7F).to_vec(),
        seq(&[&b(0xC2, 0xDF), tail]),
        seq(&[&b(0xE0, 0xE0), &b(0xA0, 0xBF), tail]),
        seq(&[&b(0xE1, 0xEC), tail, tail]),
        seq(&[&b(0xED, 0xED), &b(0x80, 0x9F), tail]),
        seq(&[&b(0xEE, 0xEF), tail, tail]),
        seq(&[&b(0xF0, 0xF0), &b(0x90, 0xBF), tail, tail]),
        seq(&[&b(0xF1, 0xF3), tail, tail, tail]),
        seq(&[&b(0xF4, 0xF4), &b(0x80, 0x8F), tail, tail]),
    ];
    for escaped in "\"\\/bfnrt".bytes() {
        chars.push(seq(&[&lit("\\"), &b(escaped, escaped)]));
    }
    for first in [
        (b'0', b'9'),
        (b'a', b'c'),
        (b'A', b'C'),
        (b'e', b'f'),
        (b'E', b'F'),
    ] {
        chars.push(seq(&[&lit("\\u"), &b(first.0, first.1), hex, hex, hex]));
    }
    for first in ["\\ud", "\\uD"] {
        chars.push(seq(&[&lit(first), &b(b'0', b'7'), hex, hex]));
        for second in [b(b'8', b'9'), b(b'a', b'b'), b(b'A', b'B')] {
            chars.push(seq(&[&lit(first), &second, hex, hex, &r(LowSurrogate)]));
        }
    }
    chars
}

/// The alternatives of each rule, in the order of [`Rule`].
static RULES: LazyLock<Vec<Vec<Vec<Symbol>>>> = LazyLock::new(|| {
    let all = [
        Text,
        Ws,
        Value,
        Members,
        MoreMembers,
        Member,
        Values,
        MoreValues,
        Number,
        Int,
        Digits,
        Digit,
        Frac,
        Exp,
        Sign,
        String,
        Chars,
        Hex,
        LowSurrogate,
        Tail,
    ];
    all.into_iter().map(alternatives).collect()
});

/// Stacks whose top (the last symbol) is a byte, or that are empty.
type Stacks = BTreeSet<Vec<Symbol>>;

fn expand(stack: Vec<Symbol>, into: &mut Stacks, seen: &mut Stacks) {
    let mut todo = vec![stack];
    while let Some(mut stack) = todo.pop() {
        let Some(&Symbol::Rule(rule)) = stack.last() else {
            into.insert(stack);
            continue;
        };
        if !seen.insert(stack.clone()) {
            continue;
        }
        stack.pop();
        for alternative in &RULES[rule as usize] {
            let mut longer = stack.clone();
            longer.extend(alternative.iter().rev());
            todo.push(longer);
        }
    }
}

/// Runs the grammar over the bytes.
pub fn classify(text: &[u8]) -> Verdict {
    let mut stacks = Stacks::new();
    expand(r(Text).to_vec(), &mut stacks, &mut Stacks::new());
    for (offset, &byte) in text.iter().enumerate() {
        let mut next = Stacks::new();
        let mut seen = Stacks::new();
        for mut stack in stacks {
            if let Some(Symbol::Bytes(low, high)) = stack.pop()
                && (low..=high).contains(&byte)
            {
                expand(stack, &mut next, &mut seen);
            }
        }
        if next.is_empty() {
            return Verdict::Impossible(offset as u64);
        }
        stacks = next;
    }
    if stacks.contains(&vec![]) {
        Verdict::Valid
    } else {
        Verdict::Prefix
    }
}
