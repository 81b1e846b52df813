//! Splits texts into words or characters and maps these to indices, as Keras's `Tokenizer`.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use super::script::is_spaceless_char;

/// The default filters: characters that are removed from texts, as in Keras.
pub const FILTERS: &str = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n";

/// How texts are split into words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Splitting {
    /// Whether the text is lowercased.
    #[serde(default = "yes")]
    pub lower: bool,
    /// Characters that are replaced by spaces; default: punctuation except the apostrophe (Keras's). Without effect if
    /// tokens are characters, of which all are kept (as in Keras), or Unicode words.
    #[serde(default = "filters")]
    pub filters: String,
    /// The kind of token.
    #[serde(default)]
    pub level: Level,
    /// Characters per token (overlapping n-grams); with `level = "unicode"`, in scripts without spaces.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1, max = 8))]
    pub ngram: usize,
}

fn one() -> usize {
    1
}
fn is_one(ngram: &usize) -> bool {
    *ngram == 1
}
fn yes() -> bool {
    true
}
fn filters() -> String {
    FILTERS.to_string()
}

impl Default for Splitting {
    fn default() -> Self {
        Splitting {
            lower: true,
            filters: filters(),
            level: Level::Word,
            ngram: one(),
        }
    }
}

/// The kind of token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Space-separated words.
    #[default]
    Word,
    /// A character.
    Char,
    /// Unicode words (UAX 29), without punctuation; in scripts without spaces between words (Chinese, Japanese, Thai, Lao,
    /// Khmer, Burmese) characters.
    Unicode,
}

/// How texts are split into words, and the known words, the most frequent first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tokenizer {
    /// How texts are split into words.
    #[serde(flatten)]
    pub splitting: Splitting,
    /// The words that are known.
    pub words: Vec<String>,
}

/// Every run of `length` characters; of fewer, all of them together.
fn n_grams(characters: &[String], length: usize) -> Vec<String> {
    if characters.is_empty() {
        return Vec::new();
    }
    let length = length.clamp(1, characters.len());
    characters.windows(length).map(<[String]>::concat).collect()
}

impl Splitting {
    /// The splitting for scripts with or without spaces between words.
    pub fn of_script(spaceless: bool) -> Splitting {
        Splitting {
            level: if spaceless {
                Level::Unicode
            } else {
                Level::Word
            },
            ..Splitting::default()
        }
    }

    fn unicode_words(&self, text: &str) -> Vec<String> {
        let (mut words, mut run, mut end) = (Vec::new(), Vec::new(), 0);
        for (begin, word) in text.unicode_word_indices() {
            let spaceless = word.chars().next().is_some_and(is_spaceless_char);
            if !spaceless || begin != end {
                words.extend(n_grams(&run, self.ngram));
                run.clear();
            }
            match spaceless {
                true => run.extend(word.graphemes(true).map(String::from)),
                false => words.push(word.to_string()),
            }
            end = begin + word.len();
        }
        words.extend(n_grams(&run, self.ngram));
        words
    }

    /// The words of a text.
    pub fn words<'a>(&'a self, text: &str) -> impl Iterator<Item = String> + 'a {
        let text = if self.lower {
            text.to_lowercase()
        } else {
            text.to_string()
        };
        let apart = |c: char| c == ' ' || self.filters.contains(c);
        let words: Vec<String> = match self.level {
            Level::Word => text
                .split(apart)
                .filter(|word| !word.is_empty())
                .map(str::to_string)
                .collect(),
            Level::Char => {
                let characters: Vec<String> = text.chars().map(String::from).collect();
                n_grams(&characters, self.ngram)
            }
            Level::Unicode => self.unicode_words(&text),
        };
        words.into_iter()
    }
}

impl Tokenizer {
    /// The words of a text.
    pub fn words<'a>(&'a self, text: &str) -> impl Iterator<Item = String> + 'a {
        self.splitting.words(text)
    }

    /// The number of known words.
    pub fn num_words(&self) -> usize {
        self.words.len()
    }

    /// The place of each known word, from 0.
    pub fn index(&self) -> HashMap<String, usize> {
        let numbered = self.words.iter().enumerate();
        numbered
            .map(|(index, word)| (word.clone(), index))
            .collect()
    }
}

/// The most distinct words that are counted; beyond, the rarest are dropped from time to time.
const MOST_COUNTED: usize = 2_000_000;

/// Counts words, to fit a tokenizer.
#[derive(Debug)]
pub struct WordCounts {
    splitting: Splitting,
    /// Of each word: how often, in how many texts, and its place in the order of first appearance.
    counts: HashMap<String, (u64, u64, u64)>,
    texts: u64,
    next: u64,
}

impl WordCounts {
    /// No words yet.
    pub fn new(splitting: Splitting) -> WordCounts {
        WordCounts {
            splitting,
            counts: HashMap::new(),
            texts: 0,
            next: 0,
        }
    }

    /// Counts a text's words; returns how many it has.
    pub fn add(&mut self, text: &str) -> usize {
        self.texts += 1;
        let mut seen: Vec<String> = self.splitting.words(text).collect();
        let num_words = seen.len();
        for word in &seen {
            match self.counts.get_mut(word) {
                Some(count) => count.0 += 1,
                None => {
                    self.counts.insert(word.clone(), (1, 0, self.next));
                    self.next += 1;
                }
            }
        }
        seen.sort_unstable();
        seen.dedup();
        for word in &seen {
            if let Some(count) = self.counts.get_mut(word) {
                count.1 += 1;
            }
        }
        let mut least = 1;
        while self.counts.len() > MOST_COUNTED {
            self.counts.retain(|_, count| count.0 > least);
            least += 1;
        }
        num_words
    }

    /// The `most` most frequent words that are there at least `min_count` times, ties by first
    /// appearance, and in how many texts each is.
    pub fn fit(self, most: Option<usize>, min_count: u64) -> (Tokenizer, Vec<u64>) {
        let mut words: Vec<(String, (u64, u64, u64))> = self.counts.into_iter().collect();
        words.retain(|(_, count)| count.0 >= min_count);
        words.sort_unstable_by_key(|(_, (count, _, first))| (std::cmp::Reverse(*count), *first));
        words.truncate(most.unwrap_or(usize::MAX));
        let (words, counts): (Vec<String>, Vec<_>) = words.into_iter().unzip();
        let tokenizer = Tokenizer {
            splitting: self.splitting,
            words,
        };
        let in_texts = counts.into_iter().map(|(_, texts, _)| texts);
        (tokenizer, in_texts.collect())
    }

    /// Texts so far.
    pub fn num_texts(&self) -> u64 {
        self.texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Tokenizer().fit_on_texts(...)`, `word_index` in Keras 3.15.
    #[test]
    fn words_are_numbered_as_keras_does() {
        let mut counts = WordCounts::new(Splitting::default());
        counts.add("The cat, the DOG -- and the cat's hat.");
        counts.add("dog/hat\tcat");
        let (tokenizer, texts) = counts.fit(None, 1);
        assert_eq!(
            tokenizer.words,
            ["the", "cat", "dog", "hat", "and", "cat's"]
        );
        assert_eq!(texts, [1, 2, 2, 2, 1, 1]);
    }

    #[test]
    fn rare_words_and_those_beyond_the_limit_are_left_out() {
        let fit = |most, least| {
            let mut counts = WordCounts::new(Splitting::default());
            counts.add("a a a b b c");
            counts.fit(most, least).0.words
        };
        assert_eq!(fit(Some(1), 1), ["a"]);
        assert_eq!(fit(None, 2), ["a", "b"]);
    }

    #[test]
    fn words_of_scripts_without_blanks_are_characters_or_runs_of_them() {
        let words = |text: &str, ngram: usize| -> Vec<String> {
            let splitting = Splitting {
                ngram,
                ..Splitting::of_script(true)
            };
            splitting.words(text).collect()
        };
        assert_eq!(
            words("味道很差，太贵", 1),
            ["味", "道", "很", "差", "太", "贵"]
        );
        assert_eq!(words("味道很差，太", 2), ["味道", "道很", "很差", "太"]);
        assert_eq!(words("It's 5 Euro, 好", 1), ["it's", "5", "euro", "好"]);
        assert_eq!(
            words("ดีมาก", 1).len(),
            4,
            "a vowel sign belongs to its letter"
        );
        assert!(words("！？", 1).is_empty());
    }

    #[test]
    fn characters_may_be_the_tokens() {
        let splitting = Splitting {
            level: Level::Char,
            ..Splitting::default()
        };
        let words: Vec<String> = splitting.words("Ab!").collect();
        assert_eq!(words, ["a", "b", "!"]);
    }
}
