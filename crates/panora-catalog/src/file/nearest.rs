//! What somebody may have meant who wrote a word that is not known.

/// The longest word that is looked up; a longer one is no slip of the hand.
const LONGEST: usize = 64;

/// The known word that is nearest, if any is near enough to be meant: one that goes on where the word ends, else one that
/// a few slips of the hand turn into it.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_lowercase();
    let length = word.chars().count();
    let slips = |other: &str| match other.strip_prefix(&word) {
        Some(_) if word.len() >= 3 => Some(0),
        // More letters more, or fewer, are more slips, whichever they are.
        _ if other.chars().count().abs_diff(length) > length / 3 => None,
        _ => Some(strsim::damerau_levenshtein(&word, &other.to_lowercase())),
    };
    let near = known.into_iter().filter_map(|other| Some((slips(other)?, other)));
    near.filter(|(slips, _)| *slips <= length / 3).min_by_key(|(slips, _)| *slips).map(|it| it.1)
}

/// The question after a mistake, empty where no known word is near.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map(|known| format!(". Did you mean `{known}`?")).unwrap_or_default()
}
