//! Two kinds of plots, as SVG: bars, and lines over percentiles.

use std::fmt::Write as _;

use crate::outcome::short;

/// A colour a server, the same in every plot.
const COLOURS: [&str; 6] = ["#8a8f98", "#0b6bcb", "#12a594", "#e5484d", "#f5a524", "#8e4ec6"];
const WIDTH: f64 = 720.0;
const FONT: &str = "font-family=\"system-ui, sans-serif\" fill=\"#1c2024\"";

/// A value with its name.
pub type Bar = (String, f64);

/// The colour of the server number `at`.
fn colour(at: usize) -> &'static str {
    COLOURS[at % COLOURS.len()]
}

fn open(title: &str, height: f64) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
        escape(title)
    );
    text(&mut svg, 16.0, 26.0, 15.0, "start", title);
    svg
}

fn text(svg: &mut String, x: f64, y: f64, size: f64, anchor: &str, content: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" {FONT}>{}</text>",
        escape(content)
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Horizontal bars from zero.
pub fn bars(title: &str, bars: &[(usize, Bar)]) -> String {
    let most = bars.iter().map(|(_, (_, value))| *value).fold(f64::MIN_POSITIVE, f64::max);
    let (left, right, row) = (150.0, 90.0, 30.0);
    let mut svg = open(title, 48.0 + row * bars.len() as f64);
    for (at, (server, (name, value))) in bars.iter().enumerate() {
        let y = 44.0 + row * at as f64;
        let width = (WIDTH - left - right) * (value / most);
        let _ = writeln!(
            svg,
            "<rect x=\"{left}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"20\" rx=\"2\" fill=\"{}\"/>",
            colour(*server)
        );
        text(&mut svg, left - 8.0, y + 15.0, 13.0, "end", name);
        text(&mut svg, left + width + 8.0, y + 15.0, 13.0, "start", &short(*value));
    }
    svg + "</svg>\n"
}

/// A line a server over the same points, on a logarithmic scale.
pub fn lines(title: &str, points: &[&str], lines: &[(usize, String, Vec<f64>)]) -> String {
    let values = lines.iter().flat_map(|(_, _, values)| values).copied().filter(|value| *value > 0.0);
    let (low, high) = values.fold((f64::MAX, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    if high <= 0.0 {
        return open(title, 48.0) + "</svg>\n";
    }
    let (low, high) = (low.log10().floor(), high.log10().ceil().max(low.log10().floor() + 1.0));
    let (left, right, top, bottom) = (60.0, 170.0, 48.0, 330.0);
    let x = |at: usize| left + (WIDTH - left - right) * at as f64 / (points.len().max(2) - 1) as f64;
    let y = |value: f64| bottom - (bottom - top) * ((value.max(1e-9).log10() - low) / (high - low)).clamp(0.0, 1.0);
    let mut svg = open(title, 370.0);
    let mut decade = low;
    while decade <= high {
        let at = y(10_f64.powf(decade));
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\" stroke=\"#d9dce1\"/>",
            WIDTH - right
        );
        text(&mut svg, left - 8.0, at + 4.0, 12.0, "end", &format!("{} ms", 10_f64.powf(decade)));
        decade += 1.0;
    }
    for (at, name) in points.iter().enumerate() {
        text(&mut svg, x(at), bottom + 22.0, 12.0, "middle", name);
    }
    for (row, (server, name, values)) in lines.iter().enumerate() {
        let path: Vec<_> =
            values.iter().enumerate().map(|(at, value)| format!("{:.1},{:.1}", x(at), y(*value))).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>",
            path.join(" "),
            colour(*server)
        );
        let legend = top + 12.0 + 22.0 * row as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"14\" height=\"4\" fill=\"{}\"/>",
            WIDTH - right + 16.0,
            legend - 6.0,
            colour(*server)
        );
        text(&mut svg, WIDTH - right + 38.0, legend, 13.0, "start", name);
    }
    svg + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_width_and_names_are_escaped() {
        let svg = bars("a < b", &[(0, ("floor".to_owned(), 2.0)), (1, ("R&D".to_owned(), 4.0))]);
        assert!(svg.contains("width=\"480.0\"") && svg.contains("width=\"240.0\""), "{svg}");
        assert!(svg.contains("a &lt; b") && svg.contains("R&amp;D"), "{svg}");
    }

    #[test]
    fn lines_stay_inside_the_picture() {
        let svg = lines(
            "t",
            &["p50", "p99"],
            &[(0, "floor".to_owned(), vec![0.2, 900.0]), (1, "none".to_owned(), vec![0.0, 0.0])],
        );
        assert!(svg.contains("60.0,282.3 550.0,51.2") || svg.contains("points=\"60.0,"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
