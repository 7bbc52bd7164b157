//! Tokens: a schedule as a word that can be passed on.

use std::fmt;
use std::str::FromStr;

use super::choices::Deviation;

/// A schedule, written down so that it can be run again: see [`Config::replay`](super::Config::replay).
///
/// It holds for the program that it was found in. In one that has been changed since it leads to some schedule.
///
/// ```
/// use gocsp_runtime::testing::Token;
///
/// let token: Token = "1-2a-0301".parse()?;
/// assert_eq!(token.to_string(), "1-2a-0301");
/// assert!("no token".parse::<Token>().is_err());
/// # Ok::<(), gocsp_runtime::testing::TokenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub(crate) seed: u64,
    pub(crate) deviations: Vec<Deviation>,
}

/// What was said to be a [`Token`] is none.
///
/// ```
/// use gocsp_runtime::testing::Token;
///
/// let error = "2-0".parse::<Token>().unwrap_err();
/// assert!(error.to_string().contains("not a schedule"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenError(String);

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a schedule: it has to be as the failure printed it, such as 1-2a-0301", self.0)
    }
}

impl std::error::Error for TokenError {}

/// The version of the format, the seed, and the deviations: of each how many decisions it comes after the last one, and what was
/// chosen, as numbers of seven bits a byte, the lowest first. All but the version in hexadecimal digits.
const VERSION: &str = "1";

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}-{:x}-", self.seed)?;
        let mut next = 0;
        for &Deviation { decision, choice } in &self.deviations {
            write_number(f, u64::from(decision - next))?;
            write_number(f, choice)?;
            next = decision + 1;
        }
        Ok(())
    }
}

fn write_number(f: &mut fmt::Formatter<'_>, mut number: u64) -> fmt::Result {
    while number >= 0x80 {
        write!(f, "{:02x}", number & 0x7F | 0x80)?;
        number >>= 7;
    }
    write!(f, "{number:02x}")
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        parse(text.trim()).ok_or_else(|| TokenError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Token> {
    let (seed, list) = text.strip_prefix(VERSION)?.strip_prefix('-')?.split_once('-')?;
    let seed = u64::from_str_radix(seed, 16).ok()?;
    let digits: Vec<u32> = list.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let mut bytes = digits.chunks(2).map(|pair| Some(16 * pair[0] + *pair.get(1)?));
    let (mut deviations, mut next) = (Vec::new(), 0_u32);
    while let Some(distance) = read_number(&mut bytes)? {
        let (decision, choice) = (next.checked_add(distance.try_into().ok()?)?, read_number(&mut bytes)??);
        deviations.push(Deviation { decision, choice });
        next = decision.checked_add(1)?;
    }
    Some(Token { seed, deviations })
}

/// The next number; `Some(None)` if there is none, `None` if there is something else.
fn read_number(bytes: &mut impl Iterator<Item = Option<u32>>) -> Option<Option<u64>> {
    let (mut number, mut shift) = (0_u64, 0);
    for byte in bytes {
        let byte = byte?;
        let bits = u64::from(byte & 0x7F);
        if shift >= u64::BITS || bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(Some(number));
        }
    }
    (shift == 0).then_some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_being_written() {
        let deviations = [(0, 1), (1, 300), (400, 2), (u32::MAX - 1, u64::MAX)];
        let deviations = deviations.map(|(decision, choice)| Deviation { decision, choice }).to_vec();
        for token in [Token { seed: u64::MAX, deviations }, Token { seed: 0, deviations: Vec::new() }] {
            assert_eq!(token.to_string().parse(), Ok(token));
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let bad = [
            "",
            "1",
            "1-",
            "1-0",
            "2-0-",
            "1-x-",
            "1-0-0",
            "1-0-03",
            "1-0-80",
            "1-0-0g01",
            "1-0-é",
            "1-11111111111111111-",
        ];
        let overflowing =
            ["1-0-ffffffff7f01", "1-0-ffffffffff0101", "1-0-ffffffff0f010001", "1-0-00ffffffffffffffffff02"];
        for text in bad.iter().chain(&overflowing) {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
    }
}
