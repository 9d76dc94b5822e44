//! The plots: SVG without a background, in colours that stand out from white and from black.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::results::{By, Measured, Results};
use crate::table::{grouped, rounded};

/// Text and axes: as far from white as from black.
const TEXT: RGBColor = RGBColor(118, 122, 130);
/// Of the rows that are ours, of the floor, and of the others.
const OURS: RGBColor = RGBColor(31, 136, 229);
const OURS_NATIVE: RGBColor = RGBColor(99, 102, 241);
const FLOOR: RGBColor = RGBColor(140, 144, 152);
const OTHERS: RGBColor = RGBColor(219, 109, 40);
/// Of the others, where each has a line.
const EACH: [RGBColor; 9] = [
    RGBColor(219, 109, 40),
    RGBColor(46, 160, 67),
    RGBColor(191, 75, 138),
    RGBColor(187, 128, 9),
    RGBColor(160, 110, 60),
    RGBColor(27, 158, 150),
    RGBColor(218, 54, 51),
    RGBColor(120, 150, 60),
    RGBColor(90, 120, 190),
];

/// Pixels from one line of text to the next.
const LINE: i32 = 20;

/// Draws what there is to draw into a folder; returns each file's name and title.
///
/// # Errors
/// A file cannot be written.
pub fn draw(results: &Results, folder: &Path) -> Result<Vec<(String, String)>> {
    let mut drawn = Vec::new();
    if let Some(base) =
        results.datasets.first().filter(|base| base.rows.iter().any(|row| row.rate(By::Clock).is_some()))
    {
        let title = format!("Events per second: {}", base.title);
        bars(base, &title, &folder.join("rates.svg"))?;
        drawn.push(("rates.svg".to_owned(), title));
    }
    let mut series: Vec<&Measured> = results.datasets.iter().filter(|data| data.payload.is_some()).collect();
    series.sort_by_key(|data| data.payload);
    if series.len() > 1 {
        let title = "Events per second by bytes in a payload".to_owned();
        lines(&series, &title, &folder.join("payloads.svg"))?;
        drawn.push(("payloads.svg".to_owned(), title));
    }
    Ok(drawn)
}

/// A bar for each contender, fastest first.
fn bars(data: &Measured, title: &str, path: &Path) -> Result<()> {
    let mut rates: Vec<(&str, f64)> =
        data.rows.iter().filter_map(|row| Some((row.name.as_str(), row.rate(By::Clock)?))).collect();
    rates.sort_by(|one, other| other.1.total_cmp(&one.1));
    let (low, high) = decades(rates.iter().map(|&(_, rate)| rate));
    let height = rates.len() as u32 * LINE as u32 + 90;
    let area = SVGBackend::new(path, (900, height)).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .margin_right(90)
        .caption(title, font(17))
        .x_label_area_size(30)
        .y_label_area_size(230)
        .build_cartesian_2d((low..high).log_scale(), 0f64..rates.len() as f64)
        .map_err(said)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .axis_style(TEXT)
        .bold_line_style(TEXT.mix(0.35))
        .light_line_style(TRANSPARENT)
        .label_style(font(13))
        .x_label_formatter(&|rate| rounded(*rate))
        .draw()
        .map_err(said)?;
    let count = rates.len() as f64;
    for (place, (name, rate)) in rates.iter().enumerate() {
        let top = count - place as f64;
        let bar = Rectangle::new([(low, top - 0.15), (*rate, top - 0.85)], colour(name).filled());
        chart.draw_series([bar]).map_err(said)?;
        let plotting = chart.plotting_area();
        let (left, middle) = plotting.map_coordinate(&(low, top - 0.5));
        let (right, _) = plotting.map_coordinate(&(*rate, top - 0.5));
        label(&area, name, (left - 8, middle), HPos::Right, TEXT)?;
        label(&area, &rounded(*rate), (right + 6, middle), HPos::Left, TEXT)?;
    }
    area.present().map_err(said)
}

/// A line for each contender over the sizes of payloads.
fn lines(series: &[&Measured], title: &str, path: &Path) -> Result<()> {
    let shown: Vec<&str> =
        series[0].rows.iter().map(|row| row.name.as_str()).filter(|name| has_a_line(name)).collect();
    let points = |name: &str| -> Vec<(f64, f64)> {
        let point = |data: &&Measured| Some((f64::from(data.payload?), data.row(name)?.rate(By::Clock)?));
        series.iter().filter_map(point).collect()
    };
    let (low, high) = decades(shown.iter().flat_map(|name| points(name)).map(|(_, rate)| rate));
    let sizes: Vec<f64> = series.iter().filter_map(|data| data.payload.map(f64::from)).collect();
    let (first, last) = (sizes[0], sizes[sizes.len() - 1]);
    let area = SVGBackend::new(path, (900, 520)).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .margin_right(230)
        .caption(title, font(17))
        .x_label_area_size(30)
        .y_label_area_size(90)
        .build_cartesian_2d((first..last).log_scale().base(2.0), (low..high).log_scale())
        .map_err(said)?;
    chart
        .configure_mesh()
        .axis_style(TEXT)
        .bold_line_style(TEXT.mix(0.35))
        .light_line_style(TRANSPARENT)
        .label_style(font(13))
        .x_label_formatter(&|bytes| grouped(bytes.round() as u64))
        .y_label_formatter(&|rate| rounded(*rate))
        .draw()
        .map_err(said)?;
    let mut labels = Vec::new();
    let mut others = EACH.iter().cycle();
    for name in shown {
        let points = points(name);
        let colour = match colour(name) {
            OTHERS => *others.next().unwrap_or(&OTHERS),
            other => other,
        };
        let width = if name.starts_with("OMEGA") { 3 } else { 2 };
        let line = LineSeries::new(points.clone(), colour.stroke_width(width)).point_size(3);
        chart.draw_series(line).map_err(said)?;
        if let Some(end) = points.last() {
            let (x, y) = chart.plotting_area().map_coordinate(end);
            labels.push(Label { at: (x + 10, y), text: name, colour });
        }
    }
    spread(&mut labels);
    for Label { at, text, colour } in labels {
        label(&area, text, at, HPos::Left, colour)?;
    }
    area.present().map_err(said)
}

/// Too many lines say nothing: those that are asked about first.
fn has_a_line(name: &str) -> bool {
    !matches!(name, "floor: reading" | "floor: BLAKE3" | "Merkle root, ct-merkle" | "hypercore, append")
        && !name.contains("signed")
        && !name.contains("two cores")
}

/// What stands at the end of a line.
struct Label<'a> {
    at: (i32, i32),
    text: &'a str,
    colour: RGBColor,
}

/// Moves labels down until none covers another.
fn spread(labels: &mut [Label<'_>]) {
    labels.sort_by_key(|label| label.at.1);
    let mut free = i32::MIN;
    for label in labels {
        label.at.1 = label.at.1.max(free);
        free = label.at.1 + LINE - 3;
    }
}

fn label(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    text: &str,
    at: (i32, i32),
    side: HPos,
    colour: RGBColor,
) -> Result<()> {
    let style = ("sans-serif", 14).into_font().color(&colour).pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style)).map_err(said)
}

fn font(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&TEXT)
}

fn colour(name: &str) -> RGBColor {
    match name {
        _ if name.starts_with("OMEGA native") => OURS_NATIVE,
        _ if name.starts_with("OMEGA") => OURS,
        _ if name.starts_with("floor") => FLOOR,
        _ => OTHERS,
    }
}

/// The powers of ten around numbers.
fn decades(numbers: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let low = numbers.clone().fold(f64::INFINITY, f64::min);
    let high = numbers.fold(1.0, f64::max);
    (10f64.powf(low.min(high).log10().floor()), 10f64.powf(high.log10().ceil()))
}

fn said(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("drawing: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::results;

    #[test]
    fn plots_are_drawn_and_have_no_background() {
        let folder = tempfile::tempdir().unwrap();
        let mut results = results();
        results.datasets[1].payload = Some(1024);
        let drawn = draw(&results, folder.path()).unwrap();
        assert_eq!(drawn.len(), 2);
        for (name, _) in drawn {
            let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
            assert!(text.starts_with("<svg") && text.contains("OMEGA wasm"), "{text}");
            assert!(!text.contains("#FFFFFF") && !text.contains("fill=\"#000000\""), "{text}");
        }
    }

    #[test]
    fn labels_do_not_cover_one_another() {
        let at = |y| Label { at: (0, y), text: "", colour: TEXT };
        let mut labels = [at(50), at(49), at(200)];
        spread(&mut labels);
        let placed = labels.map(|label| label.at.1);
        assert_eq!(placed, [49, 66, 200]);
    }

    #[test]
    fn decades_enclose_what_is_drawn() {
        assert_eq!(decades([1200.0, 5_000_000.0].into_iter()), (1000.0, 10_000_000.0));
    }
}
