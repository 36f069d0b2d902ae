//! Quotes and their families, and what a string's characters are in strict text.

/// Which quotes open a string, and which close it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    /// `"`, closed by itself: JSON's own.
    Double,
    /// `'`, closed by itself.
    Single,
    /// A grave accent, closed by itself or an acute accent.
    Grave,
    /// Typographic double quotes. The plain one closes them too: to read on to the next
    /// typographic one would swallow what follows.
    Curly,
    /// Typographic single quotes, likewise.
    CurlySingle,
    /// Guillemets of either direction.
    Angle,
}

impl Quote {
    /// The family that `character` opens.
    pub const fn opening(character: char) -> Option<Self> {
        match character {
            '"' => Some(Self::Double),
            '\'' => Some(Self::Single),
            '`' | '´' => Some(Self::Grave),
            '“' | '”' | '„' | '‟' => Some(Self::Curly),
            '‘' | '’' | '‚' | '‛' => Some(Self::CurlySingle),
            '«' | '»' => Some(Self::Angle),
            _ => None,
        }
    }

    /// Whether `character` closes a string of this family.
    pub const fn closes(self, character: char) -> bool {
        match self {
            Self::Double => character == '"',
            Self::Single => character == '\'',
            Self::Grave => matches!(character, '`' | '´'),
            Self::Curly => matches!(character, '“' | '”' | '„' | '‟' | '"'),
            Self::CurlySingle => matches!(character, '‘' | '’' | '‚' | '‛' | '\''),
            Self::Angle => matches!(character, '«' | '»'),
        }
    }
}

/// Whether the letter after a backslash makes an escape of JSON's (RFC 8259, section 7), `u` aside.
pub(super) const fn is_escape(letter: char) -> bool {
    matches!(letter, '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't')
}

/// The character that an escape of one letter stands for.
pub(super) const fn escaped(letter: char) -> Option<char> {
    Some(match letter {
        '"' | '\\' | '/' | '\'' => letter,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        _ => return None,
    })
}

/// Writes `character` as it stands inside a strict string.
pub(super) fn write(character: char, strict: &mut Vec<u8>) {
    match character {
        '"' => strict.extend_from_slice(b"\\\""),
        '\\' => strict.extend_from_slice(b"\\\\"),
        '\u{8}' => strict.extend_from_slice(b"\\b"),
        '\u{c}' => strict.extend_from_slice(b"\\f"),
        '\n' => strict.extend_from_slice(b"\\n"),
        '\r' => strict.extend_from_slice(b"\\r"),
        '\t' => strict.extend_from_slice(b"\\t"),
        '\0'..='\u{1f}' => {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            let code = character as usize;
            strict.extend_from_slice(b"\\u00");
            strict.push(DIGITS[code >> 4]);
            strict.push(DIGITS[code & 15]);
        }
        _ => strict.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}
