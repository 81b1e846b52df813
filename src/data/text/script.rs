//! Detects scripts without spaces between words.

/// Whether a character belongs to a script without spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
pub fn is_spaceless_char(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}'      // Thai, Lao
        | '\u{1000}'..='\u{109F}'    // Burmese
        | '\u{1780}'..='\u{17FF}'    // Khmer
        | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30FF}'    // Hiragana, Katakana
        | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'    // Chinese characters
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FF66}'..='\u{FF9F}'
        | '\u{20000}'..='\u{323AF}'
    )
}

/// Characters of such a script that make about one word.
const A_WORD: usize = 2;
/// The mean run of characters without a space from which a text has no spaces between words.
const LONG: usize = 4;

/// An estimate of the number of words of a text.
pub fn count_words(text: &str) -> usize {
    let words = text.split_whitespace();
    let count = |word: &str| word.chars().filter(|c| is_spaceless_char(*c)).count();
    words.map(|word| (count(word) / A_WORD).max(1)).sum()
}

/// Whether a text has no spaces between its words.
pub fn is_spaceless(text: &str) -> bool {
    if text.is_ascii() {
        return false;
    }
    let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
    let spaceless = text.chars().filter(|c| is_spaceless_char(*c)).count();
    2 * spaceless > letters && spaceless >= LONG * text.split_whitespace().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_distinguished() {
        assert!(
            is_spaceless("味道很差太贵了不值")
                && is_spaceless("อร่อยมากแนะนำ")
                && is_spaceless("とても美味しい")
        );
        assert!(!is_spaceless("味道 很 差 太 贵"), "set apart before");
        assert!(
            !is_spaceless("good food")
                && !is_spaceless("맛이 아주 좋아요")
                && !is_spaceless("очень вкусно")
        );
        assert_eq!(count_words("味道很差太贵了不值"), 4);
        assert_eq!(count_words("not that bad"), 3);
    }
}
