//! Bar charts: for each row how much each contender takes, relative to Go.
//!
//! The scale is logarithmic, so bars start at 1, which is Go: to the left of it is less, to the right is more. Without Go,
//! the first contender that has figures takes its place.

use std::error::Error;
use std::fs;
use std::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::contenders::{self, Contender, GO};
use crate::results::{Race, SectionRows};

const WIDTH: u32 = 900;
const BAR: u32 = 9;
/// Between rows.
const GAP: u32 = 9;
const LEGEND: u32 = 40;
const LABELS: u32 = 190;
const AXIS: u32 = 40;
const MARGIN: u32 = 10;

const FONT: (&str, u32) = ("sans-serif", 13);
/// Of the contenders, in their order.
const COLORS: [RGBColor; contenders::ALL.len()] = [
    RGBColor(200, 60, 20),
    RGBColor(240, 150, 90),
    RGBColor(0, 150, 190),
    RGBColor(60, 60, 60),
    RGBColor(130, 130, 130),
    RGBColor(190, 190, 190),
    RGBColor(120, 150, 60),
    RGBColor(140, 100, 170),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What is drawn of a section.
#[derive(Debug, PartialEq)]
struct Bars {
    /// Who has bars, and in which color. The reference has none: it is the line at 1.
    contenders: Vec<(&'static str, RGBColor)>,
    /// To whom the bars are relative.
    reference: &'static str,
    rows: Vec<BarRow>,
}

#[derive(Debug, PartialEq)]
struct BarRow {
    title: String,
    /// One for each of the contenders.
    ratios: Vec<Option<f64>>,
}

/// Draws a chart for each section that has anything to draw.
pub(crate) fn write_all(folder: &Path, race: &Race) -> Result<(), Box<dyn Error>> {
    for section in race.sections() {
        let file = folder.join(section.section.file_name());
        if let Some(bars) = bars(race, &section) {
            let text = draw(section.section.title(), &bars)?;
            fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    Ok(())
}

fn bars(race: &Race, section: &SectionRows) -> Option<Bars> {
    let measured = |index: &usize| section.rows.iter().any(|row| row.cells[*index].median().is_some());
    let indices: Vec<usize> = (0..race.contenders.len()).filter(measured).collect();
    let go = indices.iter().find(|&&index| race.contenders[index].name == GO);
    let reference = *go.or(indices.first())?;
    let others: Vec<usize> = indices.iter().copied().filter(|&index| index != reference).collect();
    let rows = section.rows.iter().filter_map(|row| {
        let one = row.cells[reference].median().filter(|&median| median > 0.0)?;
        let ratio = |&index: &usize| row.cells[index].median().map(|median| median / one).filter(|&ratio| ratio > 0.0);
        Some(BarRow { title: row.title(), ratios: others.iter().map(ratio).collect() })
    });
    let contender = |&index: &usize| (race.contenders[index].name, color(race.contenders[index]));
    Some(Bars {
        contenders: others.iter().map(contender).collect(),
        reference: race.contenders[reference].name,
        rows: rows.collect(),
    })
}

/// Everybody has the same color in all charts, whoever else takes part.
fn color(contender: &Contender) -> RGBColor {
    let index = contenders::ALL.iter().position(|known| known == contender).expect("all contenders are in the list");
    COLORS[index]
}

impl Bars {
    /// From the least to the most, in powers of ten, with 1 inside, and with room for what is written at the ends.
    fn range(&self) -> Range<f64> {
        let ratios = || self.rows.iter().flat_map(|row| row.ratios.iter().copied().flatten());
        let least = ratios().fold(1.0, f64::min).log10().floor().min(-1.0);
        let most = ratios().fold(1.0, f64::max).log10().ceil().max(1.0);
        10f64.powf(least) / 1.1..10f64.powf(most) * 1.1
    }

    fn row_height(&self) -> u32 {
        BAR * self.contenders.len() as u32 + GAP
    }
}

/// The chart, as SVG.
fn draw(title: &str, bars: &Bars) -> Result<String, Box<dyn Error>> {
    let plot = bars.row_height() * bars.rows.len() as u32;
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, LEGEND + plot + AXIS + MARGIN)).into_drawing_area();
        root.fill(&WHITE)?;
        let (legend, below) = root.split_vertically(LEGEND);
        draw_legend(&legend, title, bars)?;
        draw_bars(&below, bars)?;
        root.present()?;
    }
    Ok(text)
}

fn draw_legend(area: &Area<'_>, title: &str, bars: &Bars) -> Result<(), Box<dyn Error>> {
    area.draw(&Text::new(title.to_owned(), (10, 3), FONT))?;
    let mut x = 10;
    for (name, color) in &bars.contenders {
        area.draw(&Rectangle::new([(x, 24), (x + 10, 34)], color.filled()))?;
        area.draw(&Text::new((*name).to_owned(), (x + 14, 22), FONT))?;
        x += 34 + 8 * name.len() as i32;
    }
    Ok(())
}

fn draw_bars(area: &Area<'_>, bars: &Bars) -> Result<(), Box<dyn Error>> {
    let height = (bars.row_height() as usize * bars.rows.len()) as f64;
    let mut chart = ChartBuilder::on(area)
        .margin_right(MARGIN * 2)
        .margin_bottom(MARGIN)
        .set_label_area_size(LabelAreaPosition::Left, LABELS)
        .set_label_area_size(LabelAreaPosition::Bottom, AXIS)
        .build_cartesian_2d(bars.range().log_scale(), height..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .light_line_style(WHITE)
        .label_style(FONT)
        .x_desc(format!("relative to {}, which is 1; less is better", bars.reference))
        .x_label_formatter(&|ratio| format!("{ratio}"))
        .draw()?;
    for (index, row) in bars.rows.iter().enumerate() {
        let top = index as u32 * bars.row_height();
        area.draw(&Text::new(row.title.clone(), (10, (top + bars.row_height() / 2) as i32 - 7), FONT))?;
        for (index, (ratio, (_, color))) in row.ratios.iter().zip(&bars.contenders).enumerate() {
            let upper = f64::from(top + GAP / 2 + BAR * index as u32);
            let bar = ratio.map(|ratio| [(ratio, upper), (1.0, upper + f64::from(BAR - 1))]);
            chart.draw_series(bar.map(|bar| Rectangle::new(bar, color.filled())))?;
        }
    }
    chart.draw_series([PathElement::new([(1.0, 0.0), (1.0, height)], BLACK)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Failure;
    use crate::results::tests::{race, runs};

    fn died() -> crate::results::Runs {
        runs(&[Err(Failure::Died(String::new()))])
    }

    #[test]
    fn bars_are_relative_to_go() {
        let race = race(runs(&[Ok(20.0)]), runs(&[Ok(100.0)]), runs(&[Ok(2000.0)]));
        let bars = bars(&race, &race.sections()[0]).unwrap();
        assert_eq!(bars.reference, "go");
        assert_eq!(bars.rows[0].ratios, [Some(0.2), Some(20.0)]);
        assert!(bars.range().contains(&0.1) && bars.range().contains(&100.0) && !bars.range().contains(&1000.0));
        let chart = draw("Title", &bars).unwrap();
        assert!(
            chart.starts_with("<svg") && chart.contains("ctxswitch") && chart.contains("relative to go"),
            "{chart}"
        );
    }

    #[test]
    fn without_go_they_are_relative_to_the_first() {
        let race = race(runs(&[Ok(20.0)]), died(), runs(&[Ok(40.0)]));
        let bars = bars(&race, &race.sections()[0]).unwrap();
        assert_eq!((bars.reference, &bars.rows[0].ratios[..]), ("gocsp", &[Some(2.0)][..]));
    }

    #[test]
    fn without_anybody_there_is_nothing_to_draw() {
        let race = race(died(), died(), died());
        assert_eq!(bars(&race, &race.sections()[0]), None);
    }
}
