//! One curve over a logarithmic axis: for the terminal in braille characters, and as an SVG image.

use std::fmt::Write;

/// A curve with marks.
#[derive(Clone, Debug, Default)]
pub struct Curve<'a> {
    /// Above the image.
    pub title: &'a str,
    /// Below its axes.
    pub axes: [&'a str; 2],
    /// (x, y) in the order of x, which is above 0; at least one.
    pub points: Vec<(f64, f64)>,
    /// Places on the x axis, and what they are.
    pub marks: Vec<(f64, &'a str)>,
}

/// Characters of the image on a terminal.
const COLUMNS: usize = 60;
const ROWS: usize = 12;

/// The dots of a braille character, by column and row.
const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// What lies beyond the range of the first to the smallest value by more than a half of it is cut off.
const HEADROOM: f64 = 0.5;

impl Curve<'_> {
    /// The ranges of x, as logarithms, and of y.
    fn ranges(&self) -> [(f64, f64); 2] {
        let logs = self.points.iter().map(|point| point.0.log10());
        let (low, high) = range(logs);
        let first = self.points.first().map_or(0.0, |point| point.1);
        let (bottom, top) = range(self.points.iter().map(|point| point.1));
        let limit = first + HEADROOM * (first - bottom).max(1e-9 * first.abs());
        [widened(low, high), widened(bottom, top.min(limit))]
    }

    /// Where a point lies, from 0 to 1 from the left and from the top.
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let [(low, high), (bottom, top)] = self.ranges();
        let across = (x.log10() - low) / (high - low);
        let down = 1.0 - (y - bottom) / (top - bottom);
        (across.clamp(0.0, 1.0), down.clamp(0.0, 1.0))
    }

    /// For a terminal, with a line for each mark.
    pub fn braille(&self) -> String {
        let mut cells = vec![[0u32; COLUMNS]; ROWS];
        let (width, height) = ((2 * COLUMNS - 1) as f64, (4 * ROWS - 1) as f64);
        let dots = self.points.iter().map(|&point| {
            let (across, down) = self.place(point);
            (across * width, down * height)
        });
        let dots: Vec<(f64, f64)> = dots.collect();
        let mut dot = |x: f64, y: f64| {
            let (x, y) = (x.round() as usize, y.round() as usize);
            cells[y / 4][x / 2] |= DOTS[x % 2][y % 4];
        };
        for pair in dots.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let steps = (x1 - x0).abs().max((y1 - y0).abs()).ceil().max(1.0);
            for step in 0..=steps as usize {
                let share = step as f64 / steps;
                dot(x0 + share * (x1 - x0), y0 + share * (y1 - y0));
            }
        }
        if let [(x, y)] = dots[..] {
            dot(x, y);
        }
        let [(low, high), (bottom, top)] = self.ranges();
        let mut text = String::new();
        for (row, cells) in cells.iter().enumerate() {
            let label = match row {
                0 => format!("{top:>9.4}"),
                _ if row + 1 == ROWS => format!("{bottom:>9.4}"),
                _ => String::new(),
            };
            let braille = cells.iter().map(|&bits| match bits {
                0 => ' ',
                bits => char::from_u32(0x2800 + bits).unwrap_or(' '),
            });
            let line: String = braille.collect();
            let line = line.trim_end();
            let _ = writeln!(text, "{label:>9} │{line}"); // text takes every line
        }
        let mut marks = [' '; COLUMNS];
        for &(x, _) in &self.marks {
            let (across, _) = self.place((x, bottom));
            marks[(across * (COLUMNS - 1) as f64).round() as usize] = '▲';
        }
        let marks: String = marks.iter().collect();
        let ends = [rate(10f64.powf(low)), rate(10f64.powf(high))];
        let room = COLUMNS - ends[0].len();
        let _ = writeln!(text, "{:>9} └{}", "", "─".repeat(COLUMNS));
        if !marks.trim().is_empty() {
            let _ = writeln!(text, "{:>11}{}", "", marks.trim_end());
        }
        let _ = writeln!(text, "{:>11}{}{:>room$}", "", ends[0], ends[1]);
        text
    }

    /// As an image of 720 x 440 that browsers and editors show.
    pub fn svg(&self) -> String {
        const LEFT: f64 = 70.0;
        const TOP: f64 = 40.0;
        const WIDTH: f64 = 620.0;
        const HEIGHT: f64 = 330.0;
        let at = |point| {
            let (across, down) = self.place(point);
            (LEFT + across * WIDTH, TOP + down * HEIGHT)
        };
        let [(low, high), (bottom, top)] = self.ranges();
        let mut svg = String::from(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 440\" width=\"720\" height=\"440\" \
             font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"720\" height=\"440\" fill=\"white\"/>\n",
        );
        let mut line = |text: String| svg.push_str(&(text + "\n"));
        let text = |x: f64, y: f64, anchor: &str, text: &str| {
            let text = escaped(text);
            format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>")
        };
        line(text(LEFT, 24.0, "start", self.title));
        for power in low.ceil() as i32..=high.floor() as i32 {
            let (x, end) = (at((10f64.powi(power), bottom)).0, TOP + HEIGHT);
            line(format!("<path d=\"M{x:.1} {TOP}V{end}\" stroke=\"#ddd\"/>"));
            line(text(x, end + 18.0, "middle", &format!("1e{power}")));
        }
        for step in 0..=4 {
            let value = bottom + (top - bottom) * f64::from(step) / 4.0;
            let y = at((10f64.powf(low), value)).1;
            line(format!(
                "<path d=\"M{LEFT} {y:.1}h{WIDTH}\" stroke=\"#ddd\"/>"
            ));
            line(text(LEFT - 8.0, y + 4.0, "end", &format!("{value:.3}")));
        }
        let points = self.points.iter().map(|&point| {
            let (x, y) = at(point);
            format!("{x:.1},{y:.1}")
        });
        let points: Vec<String> = points.collect();
        line(format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#1668b0\" stroke-width=\"2\"/>",
            points.join(" ")
        ));
        for (number, &(x, what)) in self.marks.iter().enumerate() {
            let (place, end) = (at((x, bottom)).0, TOP + HEIGHT);
            line(format!(
                "<path d=\"M{place:.1} {TOP}V{end}\" stroke=\"#c33\" stroke-dasharray=\"4 4\"/>"
            ));
            let y = TOP + 14.0 + 16.0 * number as f64;
            line(text(
                place + 4.0,
                y,
                "start",
                &format!("{what}: {}", rate(x)),
            ));
        }
        line(text(LEFT + WIDTH / 2.0, 420.0, "middle", self.axes[0]));
        line(text(8.0, TOP - 10.0, "start", self.axes[1]));
        svg + "</svg>\n"
    }
}

/// A rate with two digits.
pub fn rate(rate: f64) -> String {
    format!("{rate:.1e}")
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

/// A range that has a size.
fn widened(low: f64, high: f64) -> (f64, f64) {
    if high > low {
        (low, high)
    } else {
        (low - 0.5, low + 0.5)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: Vec<(f64, f64)>) -> Curve<'static> {
        Curve {
            title: "a < b",
            axes: ["x", "y"],
            points,
            marks: vec![(1e-2, "here")],
        }
    }

    #[test]
    fn a_falling_line_goes_from_the_upper_left_to_the_lower_right() {
        let text = curve(vec![(1e-4, 2.0), (1.0, 1.0)]).braille();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), ROWS + 3);
        assert!(lines[0].starts_with("   2.0000 │⠉"), "{text}");
        let last: Vec<char> = lines[ROWS - 1].chars().collect();
        assert_eq!(last.len(), 11 + COLUMNS, "{text}");
        assert!(lines[ROWS - 1].starts_with("   1.0000 │"), "{text}");
        let mark = lines[ROWS + 1].chars().position(|c| c == '▲');
        assert_eq!(mark, Some(11 + COLUMNS / 2), "{text}");
        assert!(lines[ROWS + 2].ends_with("1.0e0"), "{text}");
    }

    #[test]
    fn what_shoots_up_is_cut_off_and_a_single_point_is_drawn() {
        let up = curve(vec![(1e-3, 2.0), (1e-2, 1.0), (1e-1, 900.0)]);
        assert_eq!(up.ranges()[1], (1.0, 2.5));
        let text = curve(vec![(1e-3, 2.0)]).braille();
        let dots = text
            .chars()
            .filter(|c| ('\u{2801}'..='\u{28ff}').contains(c));
        assert_eq!(dots.count(), 1, "{text}");
    }

    #[test]
    fn the_image_is_whole_and_its_text_escaped() {
        let svg = curve(vec![(1e-3, 2.0), (1e-1, 1.0)]).svg();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("a &lt; b") && svg.contains("here: 1.0e-2"));
        assert!(
            svg.contains("<polyline points=\"70.0,40.0 690.0,370.0\""),
            "{svg}"
        );
    }
}
