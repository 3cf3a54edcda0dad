//! The readings, in the order in which they apply: longer written forms first, single symbols last.

use regex::{Captures, Regex};
use std::borrow::Cow;
use std::sync::LazyLock;

/// A written form and what to say instead.
pub(super) struct Rule {
    form: Regex,
    reading: Reading,
}

enum Reading {
    /// With `$1` for the form's groups.
    Words(&'static str),
    By(fn(&Captures<'_>) -> String),
}

impl Rule {
    pub(super) fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.reading {
            Reading::Words(words) => self.form.replace_all(text, words),
            Reading::By(reading) => self.form.replace_all(text, reading),
        }
    }
}

/// A number with optional thousands and decimals.
const NUMBER: &str = r"\d+(?:,\d{3})*(?:\.\d+)?";

pub(super) static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let words = |form: &str, words| Rule { form: regex(form), reading: Reading::Words(words) };
    let by = |form: &str, reading| Rule { form: regex(form), reading: Reading::By(reading) };
    let units: Vec<&str> = UNITS.iter().map(|(unit, _, _)| *unit).collect();
    vec![
        // Markup.
        words(r"\[([^\]\n]*)\]\([^)\n]*\)", "$1"),
        words(r"</?[A-Za-z][^<>\n]{0,80}>", " "),
        words(r"(?m)^\s*(?:#{1,6}|[-*>])\s+", ""),
        words(r"\*+|~~+|__+", " "),
        words(r"(^|\s)_(\S[^_\n]*)_", "$1$2"),
        words(r"(^|\s)'([\w.]+)'", "$1$2"),
        // Addresses.
        by(r"(?i)\b[\w.+-]{1,64}@[a-z\d-]+(?:\.[a-z\d-]+)+\b", |m| address(&m[0])),
        by(r"(?i)\b(?:https?://|www\.)([^\s?#,;()]*[\w/])(?:[?#][^\s.,;]*)?", |m| {
            address(m[1].trim_start_matches("www.").trim_end_matches('/'))
        }),
        by(r"\b(?:[A-Za-z\d][A-Za-z\d-]*\.)+(?:com|org|net|edu|gov|io|ai|dev|app|info|js|co\.uk|uk|de|eu|cn)\b", |m| {
            address(&m[0])
        }),
        // Abbreviations.
        words(r"(?i)\be\.g\.,?", "for example"),
        words(r"(?i)\bi\.e\.,?", "that is"),
        words(r"(?i)\betc\.", "etcetera."),
        words(r"(?i)\bvs\b\.?", "versus"),
        words(r"(?i)\bapprox\.", "approximately"),
        words(r"\bNo\. ?(\d)", "number $1"),
        words(r"\bw/o\b", "without"),
        words(r"\bw/", "with "),
        // Dates.
        by(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b", |m| date(&m[1], &m[2], &m[3]).unwrap_or_else(|| m[0].replace('-', " "))),
        by(r"\b(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})\b", |m| {
            date(&m[3], &m[1], &m[2]).unwrap_or_else(|| m[0].replace('/', " "))
        }),
        // Times.
        by(r"\b(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s?([AaPp])\.?[Mm]\b\.?)?", time),
        by(r"\b(\d{1,2})\s?([AaPp])\.?[Mm]\b\.?", |m| format!("{} {}.M.", &m[1], m[2].to_uppercase())),
        words(r"(\d):(\d)", "$1 to $2"),
        // Telephone numbers, and other numbers too long to be said as one.
        by(r"\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}\b", |m| format!("plus {}", digits(&m[0]))),
        by(r"\(\d{3}\)\s?\d{3}[ .-]\d{4}\b", |m| digits(&m[0])),
        by(r"\b(?:\d{3}[.-])?\d{3}[.-]\d{4}\b", |m| digits(&m[0])),
        by(r"\b\d{8,}\b", |m| digits(&m[0])),
        // Money.
        by(&format!(r"(?i)([$£€¥₹])\s?({NUMBER})\s?(thousand|million|billion|trillion|bn|k|m|b)\b"), large_money),
        by(&format!(r"([¥₹])\s?({NUMBER})"), |m| counted(&m[2], currency(&m[1]))),
        by(&format!(r"({NUMBER})\s?¢"), |m| counted(&m[1], ("cent", "cents"))),
        words(&format!(r"({NUMBER})\s?USD\b"), "$1 US dollars"),
        words(&format!(r"({NUMBER})\s?EUR\b"), "$1 euros"),
        // Measures.
        words(r"(^|[\s(])-(\d)", "${1}minus $2"),
        by(&format!(r"({NUMBER})\s?(?:°|degrees?)\s?(C|F)\b"), |m| {
            let scale = if &m[2] == "C" { "Celsius" } else { "Fahrenheit" };
            format!("{} {scale}", counted(&m[1], ("degree", "degrees")))
        }),
        by(&format!(r"({NUMBER})\s?°"), |m| counted(&m[1], ("degree", "degrees"))),
        words(r"\s*%", " percent"),
        by(&format!(r"\b({NUMBER})\s?({})(?:\b|$)", units.join("|")), |m| {
            let unit = UNITS.iter().find(|(unit, _, _)| *unit == &m[2]);
            unit.map_or_else(|| m[0].to_owned(), |(_, one, many)| counted(&m[1], (one, many)))
        }),
        // Ranges and fractions.
        words(r"\b(\d{1,4})\s?[-—]\s?(\d{1,4})\b", "$1 to $2"),
        by(r"\b(\d{1,3})/(\d{1,3})\b", fraction),
        // Symbols.
        words(r"\s*&\s*", " and "),
        words(r"#\s?(\d)", "number $1"),
        words(r"~\s?(\d)", "about $1"),
        words(r"\+\s*(\d)", " plus $1"),
        words(r"\s*=+\s*", " equals "),
        words(r"(\d)\s*<\s*(\d)", "$1 is less than $2"),
        words(r"(\d)\s*>\s*(\d)", "$1 is greater than $2"),
        words(r"\s*×\s*", " times "),
        words(r"\s*÷\s*", " divided by "),
        words(r"\s*±\s*", " plus or minus "),
        words(r"\s*@\s*", " at "),
        words(r"\band/or\b", "and or"),
        words(r"(\p{L})/(\p{L})", "$1 or $2"),
        words(r"[#~<>/\\|^{}\[\]_°¢¥₹]+", " "),
    ]
});

fn regex(form: &str) -> Regex {
    Regex::new(form).expect("the form is a valid expression, a test builds all of them")
}

/// What is written after a number, for one and for several.
const UNITS: &[(&str, &str, &str)] = &[
    ("km/h", "kilometer per hour", "kilometers per hour"),
    ("kph", "kilometer per hour", "kilometers per hour"),
    ("m/s", "meter per second", "meters per second"),
    ("mph", "mile per hour", "miles per hour"),
    ("km", "kilometer", "kilometers"),
    ("cm", "centimeter", "centimeters"),
    ("mm", "millimeter", "millimeters"),
    ("ms", "millisecond", "milliseconds"),
    ("min", "minute", "minutes"),
    ("mins", "minute", "minutes"),
    ("mi", "mile", "miles"),
    ("mg", "milligram", "milligrams"),
    ("ml", "milliliter", "milliliters"),
    ("mL", "milliliter", "milliliters"),
    ("m", "meter", "meters"),
    ("ft", "foot", "feet"),
    ("yd", "yard", "yards"),
    ("kg", "kilogram", "kilograms"),
    ("g", "gram", "grams"),
    ("lbs", "pound", "pounds"),
    ("lb", "pound", "pounds"),
    ("oz", "ounce", "ounces"),
    ("L", "liter", "liters"),
    ("hrs", "hour", "hours"),
    ("hr", "hour", "hours"),
    ("h", "hour", "hours"),
    ("secs", "second", "seconds"),
    ("sec", "second", "seconds"),
    ("Gbps", "gigabit per second", "gigabits per second"),
    ("Mbps", "megabit per second", "megabits per second"),
    ("kbps", "kilobit per second", "kilobits per second"),
    ("TB", "terabyte", "terabytes"),
    ("GB", "gigabyte", "gigabytes"),
    ("MB", "megabyte", "megabytes"),
    ("KB", "kilobyte", "kilobytes"),
    ("kB", "kilobyte", "kilobytes"),
    ("GHz", "gigahertz", "gigahertz"),
    ("MHz", "megahertz", "megahertz"),
    ("kHz", "kilohertz", "kilohertz"),
    ("Hz", "hertz", "hertz"),
    ("kWh", "kilowatt hour", "kilowatt hours"),
    ("kW", "kilowatt", "kilowatts"),
    ("W", "watt", "watts"),
    ("V", "volt", "volts"),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn counted(number: &str, (one, many): (&str, &str)) -> String {
    format!("{number} {}", if number == "1" { one } else { many })
}

fn currency(sign: &str) -> (&'static str, &'static str) {
    match sign {
        "$" => ("dollar", "dollars"),
        "£" => ("pound", "pounds"),
        "€" => ("euro", "euros"),
        "₹" => ("rupee", "rupees"),
        _ => ("yen", "yen"),
    }
}

fn large_money(m: &Captures<'_>) -> String {
    let scale = match m[3].to_lowercase().as_str() {
        "k" | "thousand" => "thousand",
        "m" | "million" => "million",
        "b" | "bn" | "billion" => "billion",
        _ => "trillion",
    };
    format!("{} {scale} {}", &m[2], currency(&m[1]).1)
}

fn time(m: &Captures<'_>) -> String {
    let (hour, minute) = (&m[1], &m[2]);
    let number = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
    let seconds = m.get(3).map(|seconds| number(seconds.as_str()));
    if number(hour) > 24 || number(minute) > 59 || seconds.is_some_and(|seconds| seconds > 59) {
        return m[0].replace(':', " to ");
    }
    let half = m.get(4).map(|half| format!(" {}.M.", half.as_str().to_uppercase())).unwrap_or_default();
    let minutes = match (number(minute), half.is_empty() && seconds.is_none()) {
        (0, true) => " o'clock".to_owned(),
        (0, false) => String::new(),
        (few @ 1..=9, _) => format!(" oh {few}"),
        (minutes, _) => format!(" {minutes}"),
    };
    let seconds = match seconds {
        Some(seconds) => format!(" and {}", counted(&seconds.to_string(), ("second", "seconds"))),
        None => String::new(),
    };
    format!("{}{minutes}{seconds}{half}", number(hour))
}

/// None: there is no such month or day.
fn date(year: &str, month: &str, day: &str) -> Option<String> {
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let day = day.parse::<u32>().ok().filter(|day| (1..=31).contains(day))?;
    let ending = match (day % 10, day / 10) {
        (_, 1) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    let century = if year.len() == 2 { "20" } else { "" };
    Some(format!("{month} {day}{ending}, {century}{year}"))
}

/// Digit by digit, with a pause between groups.
fn digits(number: &str) -> String {
    let groups = number.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty());
    let spoken = groups.map(|group| group.chars().map(String::from).collect::<Vec<_>>().join(" "));
    spoken.collect::<Vec<_>>().join(", ")
}

fn fraction(m: &Captures<'_>) -> String {
    let (over, under) = (&m[1], &m[2]);
    let names = match under {
        "2" => ("half", "halves"),
        "3" => ("third", "thirds"),
        "4" => ("quarter", "quarters"),
        "5" => ("fifth", "fifths"),
        "8" => ("eighth", "eighths"),
        "10" => ("tenth", "tenths"),
        _ => return format!("{over} {under}"),
    };
    if over == "1" { format!("one {}", names.0) } else { format!("{over} {}", names.1) }
}

/// An address in words: `example.com/a` is `example dot com slash a`.
fn address(address: &str) -> String {
    let mut spoken = String::new();
    for c in address.chars() {
        match c {
            '.' => spoken.push_str(" dot "),
            '/' => spoken.push_str(" slash "),
            '@' => spoken.push_str(" at "),
            '-' => spoken.push_str(" dash "),
            '_' => spoken.push_str(" underscore "),
            '+' => spoken.push_str(" plus "),
            _ if c.is_alphanumeric() => spoken.push(c),
            _ => spoken.push(' '),
        }
    }
    spoken
}
