//! A drawing of all figures that have a target: a bar each, from the target to the
//! right when it is met, and to the left when it is missed.

use std::fmt::Write as _;

use crate::report::Figure;

/// Pixels.
const LINE: f64 = 20.0;
const TOP: f64 = 64.0;
const LABELS: f64 = 470.0;
const BARS: f64 = 340.0;
const VALUES: f64 = 250.0;
const BAR: f64 = 12.0;

/// How many times better or worse than its target a figure may be before its bar is cut.
const MARGIN_MAX: f64 = 100.0;

/// The lines of the grid, with what is written above them.
const GRID: [(f64, &str); 5] =
    [(0.01, "÷ 100"), (0.1, "÷ 10"), (1.0, "target"), (10.0, "× 10"), (100.0, "× 100")];

/// The colours of both bars differ in lightness, too, and their sides tell the same.
const STYLE: &str = "\
<style>
  svg { color-scheme: light dark; font: 12px system-ui, sans-serif }
  .back { fill: #ffffff } .text { fill: #1f2328 } .faint { fill: #59636e }
  .grid { stroke: #d1d9e0 } .target { stroke: #1f2328 }
  .met { fill: #1a7f37 } .missed { fill: #e5734a }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117 } .text { fill: #f0f6fc } .faint { fill: #9198a1 }
    .grid { stroke: #3d444d } .target { stroke: #f0f6fc }
    .met { fill: #57ab5a } .missed { fill: #c0532b }
  }
</style>
";

/// Draws them, with a line about the machine.
pub(crate) fn draw(figures: &[Figure], machine: &str) -> String {
    let figures: Vec<_> = figures.iter().filter(|figure| figure.target.is_some()).collect();
    let (width, bottom) = (LABELS + BARS + VALUES, TOP + LINE * figures.len() as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {}\" role=\"img\" \
         aria-label=\"Figures against their targets\">\n{STYLE}\
         <rect class=\"back\" width=\"100%\" height=\"100%\"/>\n",
        bottom + LINE
    );
    let title = format!("Better than the target to the right; {machine}");
    text(&mut svg, "text", (12.0, 24.0), "start", &title);
    for (margin, label) in GRID {
        let (x, class) = (place(margin), if margin == 1.0 { "target" } else { "grid" });
        text(&mut svg, "faint", (x, TOP - 10.0), "middle", label);
        line(&mut svg, class, x, bottom);
    }
    for (n, figure) in figures.iter().enumerate() {
        bar(&mut svg, figure, TOP + LINE * n as f64);
    }
    svg + "</svg>\n"
}

/// One figure, below a height.
fn bar(svg: &mut String, figure: &Figure, top: f64) {
    let Some(target) = figure.target else { return };
    let (from, to) = (place(1.0), place(target.margin(figure.median)));
    let base = top + LINE * 0.7;
    let label = format!("{}: {}", figure.row(), words(&figure.what));
    text(svg, "text", (LABELS - 12.0, base), "end", &label);
    let (x, width, y) = (from.min(to), (from - to).abs(), top + (LINE - BAR) / 2.0);
    let class = if target.met { "met" } else { "missed" };
    write(
        svg,
        format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{BAR}\"/>\n"
        ),
    );
    let noisy = if figure.noisy { ", noisy" } else { "" };
    let value = format!("{} {} ({target}{noisy})", short(figure.median), figure.unit);
    text(svg, "text", (LABELS + BARS + 12.0, base), "start", &value);
}

/// Where a margin is, on a logarithmic axis.
fn place(margin: f64) -> f64 {
    let part = margin.clamp(MARGIN_MAX.recip(), MARGIN_MAX).ln() / MARGIN_MAX.ln();
    LABELS + BARS * (part + 1.0) / 2.0
}

/// Three digits are enough to look at.
fn short(value: f64) -> String {
    let decimals = match value {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// What is indented in the table, and has columns there.
fn words(what: &str) -> String {
    what.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn line(svg: &mut String, class: &str, x: f64, bottom: f64) {
    write(
        svg,
        format_args!(
            "<line class=\"{class}\" x1=\"{x}\" x2=\"{x}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\n"
        ),
    );
}

fn text(svg: &mut String, class: &str, (x, y): (f64, f64), anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    write(
        svg,
        format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n"
        ),
    );
}

fn write(svg: &mut String, what: std::fmt::Arguments<'_>) {
    svg.write_fmt(what).expect("a string takes all that is written");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Repetitions;

    fn figure(what: &str) -> Figure {
        Figure::new("row", what, "µs", &Repetitions::from_iter([5.0]))
    }

    #[test]
    fn what_has_a_target_is_drawn_on_its_side_of_it() {
        let figures =
            [figure("met").at_most(50.0), figure("missed").at_least(50.0), figure("neither")];
        let svg = draw(&figures, "a machine");
        let bars: Vec<_> = svg.lines().filter(|line| line.contains("height=\"12\"")).collect();
        let [met, missed] = bars[..] else { panic!("two bars: {bars:?}") };
        assert!(met.contains("class=\"met\"") && missed.contains("class=\"missed\""));
        // Ten times better and ten times worse are as long.
        let (left, middle) = (place(0.1), place(1.0));
        assert!(met.contains(&format!("x=\"{middle:.1}\"")), "{met}");
        assert!(missed.contains(&format!("x=\"{left:.1}\"")), "{missed}");
        assert_eq!((place(10.0) - middle).round(), (middle - left).round());
        assert!(!svg.contains("neither"));
    }

    #[test]
    fn text_is_no_markup() {
        let svg = draw(&[figure("a <b> & c").at_most(1.0)], "");
        assert!(svg.contains("row: a &lt;b> &amp; c</text>"));
    }

    #[test]
    fn what_is_far_off_stays_on_the_drawing() {
        assert_eq!([place(1e9), place(0.0)].map(f64::round), [LABELS + BARS, LABELS]);
    }
}
