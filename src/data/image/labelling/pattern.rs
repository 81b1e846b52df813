//! Patterns that take the class from a file name: `{label}.#` matches `cat.0.jpg`.

use std::collections::BTreeMap;
use std::path::Path;

use thiserror::Error;

use crate::data::files::kind::is_image_name;

/// A pattern of file names: `{label}` is the class, `#` stands for digits, `*` for anything; the rest for itself.
/// An extension of images is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelPattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Label,
    Digits,
    Any,
}

/// Why a pattern cannot tell one class, in words that follow the key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// No place for the label, or several.
    #[error(
        "is {pattern:?}, which has {labels} times {{label}}, expected a pattern such as \"{{label}}_#\" (# stands for \
         digits, * for anything)"
    )]
    Labels {
        /// The pattern.
        pattern: String,
        /// The places.
        labels: usize,
    },
    /// Too many pieces to be tried.
    #[error(
        "is {pattern:?}, which has {wild} pieces that stand for something, at most {MAX_WILD} are allowed"
    )]
    Wild {
        /// The pattern.
        pattern: String,
        /// The pieces.
        wild: usize,
    },
}

/// The most wildcards of a pattern; each may be tried at every place of a name.
const MAX_WILD: usize = 4;

/// Patterns that people use, the narrowest first.
const USUAL: [&str; 14] = [
    "{label}.#",
    "{label}_#",
    "{label}-#",
    "{label} (#)",
    "{label}(#)",
    "{label} #",
    "{label}#",
    "#_{label}",
    "#-{label}",
    "#.{label}",
    "{label}_*",
    "{label}-*",
    "*_{label}",
    "*-{label}",
];

impl LabelPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A pattern that cannot tell one class.
    pub fn parse(text: &str) -> Result<LabelPattern, PatternError> {
        let stem = stem(Path::new(text));
        let mut pieces = Vec::new();
        let mut rest = stem.as_str();
        let mut plain = String::new();
        while let Some(next) = rest.chars().next() {
            let (piece, len) = match next {
                '#' => (Piece::Digits, 1),
                '*' => (Piece::Any, 1),
                '{' if rest.starts_with("{label}") => (Piece::Label, "{label}".len()),
                other => {
                    plain.push(other);
                    rest = &rest[other.len_utf8()..];
                    continue;
                }
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(piece);
            rest = &rest[len..];
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        let labels = pieces
            .iter()
            .filter(|piece| **piece == Piece::Label)
            .count();
        let wild = pieces
            .iter()
            .filter(|piece| !matches!(piece, Piece::Text(_)))
            .count();
        let pattern = || text.to_string();
        if labels != 1 {
            return Err(PatternError::Labels {
                pattern: pattern(),
                labels,
            });
        }
        if wild > MAX_WILD {
            return Err(PatternError::Wild {
                pattern: pattern(),
                wild,
            });
        }
        Ok(LabelPattern { pieces })
    }

    /// The class in a file's name; `None` if the name does not match.
    pub fn label(&self, path: &Path) -> Option<String> {
        let name = stem(path);
        let mut label = None;
        fits(&self.pieces, &name, None, &mut label).then_some(())?;
        label.map(|label: &str| label.trim().to_string())
    }

    /// The pattern that nearly all of these files fit, with between two and a third as many classes as files;
    /// `None` where there is none.
    pub fn guess<P: AsRef<Path>>(files: &[P]) -> Option<(&'static str, BTreeMap<String, usize>)> {
        USUAL.iter().find_map(|text| {
            let pattern = LabelPattern::parse(text).ok()?;
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for file in files {
                if let Some(label) = pattern.label(file.as_ref()) {
                    *counts.entry(label).or_default() += 1;
                }
            }
            let fit: usize = counts.values().sum();
            let is_word = |label: &String| label.chars().any(char::is_alphabetic);
            let repeated = counts.values().filter(|count| **count > 1).count();
            let good = fit * 20 >= files.len() * 19
                && counts.len() >= 2
                && counts.len() * 3 <= fit
                && repeated * 10 >= counts.len() * 9
                && counts.keys().all(is_word);
            good.then_some((*text, counts))
        })
    }
}

/// A file's name without an image's extension.
fn stem(path: &Path) -> String {
    let name = match is_image_name(path) {
        true => path.file_stem(),
        false => path.file_name(),
    };
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether `text` fits the pieces; `before` is the character before it. The longest label is taken.
fn fits<'a>(
    pieces: &[Piece],
    text: &'a str,
    before: Option<char>,
    label: &mut Option<&'a str>,
) -> bool {
    let Some((piece, rest)) = pieces.split_first() else {
        return text.is_empty();
    };
    match piece {
        Piece::Text(plain) => text
            .strip_prefix(plain.as_str())
            .is_some_and(|after| fits(rest, after, plain.chars().next_back(), label)),
        Piece::Digits => {
            // All digits of a number, none of them left to what stands before.
            if before.is_some_and(|before| before.is_ascii_digit()) {
                return false;
            }
            let after = text.trim_start_matches(|c: char| c.is_ascii_digit());
            after.len() < text.len() && fits(rest, after, Some('0'), label)
        }
        Piece::Label | Piece::Any => {
            let ends = text
                .char_indices()
                .map(|(at, sign)| (at + sign.len_utf8(), sign));
            let mut ends: Vec<(usize, char)> = ends.collect();
            ends.reverse();
            for (end, last) in ends {
                if fits(rest, &text[end..], Some(last), label) {
                    if *piece == Piece::Label {
                        *label = Some(&text[..end]);
                    }
                    return true;
                }
            }
            *piece == Piece::Any && fits(rest, text, before, label)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(pattern: &str, name: &str) -> Option<String> {
        LabelPattern::parse(pattern)
            .expect("a pattern")
            .label(Path::new(name))
    }

    #[test]
    fn the_class_is_what_stands_at_its_place() {
        assert_eq!(
            label("{label}.#", "train/cat.0.jpg").as_deref(),
            Some("cat")
        );
        assert_eq!(
            label("{label}_#", "american_bulldog_12.jpg").as_deref(),
            Some("american_bulldog")
        );
        assert_eq!(label("{label}#", "cat12.png").as_deref(), Some("cat"));
        assert_eq!(
            label("{label} (#)", "guava (3).jpeg").as_deref(),
            Some("guava")
        );
        assert_eq!(
            label("*_{label}_#.png", "2020_b_ä_7.png").as_deref(),
            Some("ä")
        );
        assert_eq!(label("{label}.#", "cat.jpg"), None);
        assert_eq!(label("{label}_#", "cat_12b.jpg"), None);
        // A name without an image's extension is taken whole.
        assert_eq!(label("{label}.#", "cat.7").as_deref(), Some("cat"));
    }

    #[test]
    fn a_pattern_has_one_label() {
        for bad in ["*", "{label}{label}", "", "{label}*#*#"] {
            assert!(LabelPattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_are_guessed_where_names_say_classes() {
        let names = |f: &dyn Fn(usize) -> String| (0..12).map(f).collect::<Vec<_>>();
        let dots = names(&|i| format!("{}.{i}.jpg", ["cat", "dog"][i % 2]));
        let (pattern, counts) = LabelPattern::guess(&dots).expect("a pattern");
        assert_eq!((pattern, counts.len()), ("{label}.#", 2));
        let long = names(&|i| format!("{}_{i}.jpg", ["big_cat", "dog"][i % 2]));
        assert_eq!(
            LabelPattern::guess(&long).expect("a pattern").0,
            "{label}_#"
        );
        for none in [
            names(&|i| format!("IMG_{i}.jpg")),
            names(&|i| format!("{i:04}.jpg")),
            names(&|i| format!("photo{}{i}.jpg", (b'a' + i as u8) as char)),
        ] {
            assert_eq!(LabelPattern::guess(&none), None, "{none:?}");
        }
    }
}
