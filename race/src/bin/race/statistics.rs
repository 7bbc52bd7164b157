//! What several measurements of the same thing say.

/// Several measurements of the same thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    /// The middle one, or the mean of the two in the middle.
    pub(crate) median: f64,
    least: f64,
    most: f64,
}

impl Summary {
    /// Of at least one measurement.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            1 => sorted[middle],
            _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
        };
        Some(Self { median, least, most })
    }

    /// Half the distance between the least and the most, as a share of the median.
    pub(crate) fn spread(&self) -> f64 {
        if self.median == 0.0 { 0.0 } else { (self.most - self.least) / 2.0 / self.median }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Summary::of(&[7.0]), Some(Summary { median: 7.0, least: 7.0, most: 7.0 }));
        assert_eq!(Summary::of(&[30.0, 1.0, 2.0]), Some(Summary { median: 2.0, least: 1.0, most: 30.0 }));
        assert_eq!(Summary::of(&[4.0, 1.0, 2.0, 100.0]), Some(Summary { median: 3.0, least: 1.0, most: 100.0 }));
    }

    #[test]
    fn the_spread_goes_to_the_ends() {
        assert_eq!(Summary::of(&[8.0, 10.0, 14.0]).unwrap().spread(), 0.3);
        assert_eq!(Summary::of(&[0.0, 0.0, 0.0]).unwrap().spread(), 0.0);
    }
}
