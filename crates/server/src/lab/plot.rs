//! The lab's picture: when the agent fell silent for those who interrupted it, and what became of backchannels, as SVG.

use super::report::Report;
use super::scenes::Overlap;
use std::fmt::Write as _;

const WIDTH: f32 = 720.0;
const LEFT: f32 = 120.0;
const ROW: f32 = 7.0;
/// The axis, in s.
const SPAN: f32 = 3.0;

/// One line a clip: its sound in grey, the agent's silence for good in blue, its passing silence in amber, a stop as a red mark.
pub fn plot(report: &Report) -> String {
    let groups = [("interruptions", &report.interruptions), ("backchannels", &report.backchannels)];
    let rows: usize = groups.iter().map(|(_, overlaps)| overlaps.len()).sum();
    let height = 90.0 + rows as f32 * ROW + 40.0;
    let mut svg = String::new();
    let mut add = |line: std::fmt::Arguments<'_>| {
        // Writing to a text cannot fail.
        svg.write_fmt(line).ok();
        svg.push('\n');
    };
    add(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">"
    ));
    add(format_args!("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"));
    add(format_args!("<text x=\"12\" y=\"20\" font-size=\"14\">Speech over the agent, {} clips</text>", report.set));
    add(format_args!(
        "<text x=\"12\" y=\"38\" fill=\"#555\">grey: the clip; blue: the agent is silent for good; amber: silent for a while; red: decided</text>"
    ));
    let mut y = 58.0;
    for (name, overlaps) in groups {
        add(format_args!("<text x=\"12\" y=\"{:.1}\">{name}</text>", y + 10.0));
        for overlap in overlaps {
            for shape in shapes(overlap, y) {
                add(format_args!("{shape}"));
            }
            y += ROW;
        }
        y += 16.0;
    }
    for tenth in (0..=(SPAN * 10.0) as u32).step_by(5) {
        let at = x(tenth as f32 / 10.0);
        add(format_args!(
            "<line x1=\"{at:.1}\" y1=\"52\" x2=\"{at:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\" stroke-width=\"0.5\"/>"
        ));
        add(format_args!(
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.1} s</text>",
            y + 14.0,
            tenth as f32 / 10.0
        ));
    }
    add(format_args!("</svg>"));
    svg
}

fn x(seconds: f32) -> f32 {
    LEFT + seconds.min(SPAN) / SPAN * (WIDTH - LEFT - 20.0)
}

fn shapes(overlap: &Overlap, y: f32) -> Vec<String> {
    let bar = |from: f32, to: f32, height: f32, colour: &str| {
        format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height}\" fill=\"{colour}\"/>",
            x(from),
            y + (ROW - height) / 2.0,
            (x(to) - x(from)).max(0.5)
        )
    };
    let mut shapes = vec![bar(0.0, overlap.length, 5.0, "#ccc")];
    if let Some(silent) = overlap.silent {
        shapes.push(bar(silent, SPAN, 2.0, "#2b6cb0"));
    } else if overlap.hiccup > 0.0 {
        shapes.push(bar(0.35, 0.35 + overlap.hiccup, 2.0, "#d69e2e"));
    }
    if let Some(stopped) = overlap.stopped {
        shapes.push(bar(stopped, stopped, 6.0, "#c53030"));
    }
    shapes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clip_has_its_line_and_a_decision_its_mark() {
        let overlap = |stopped| Overlap {
            clip: "c".into(),
            length: 0.5,
            silent: stopped,
            stopped,
            hiccup: 0.0,
            words: String::new(),
        };
        let report = Report {
            interruptions: vec![overlap(Some(0.4)), overlap(None)],
            backchannels: vec![overlap(None)],
            ..Report::default()
        };
        let svg = plot(&report);
        assert_eq!((svg.matches("#ccc").count(), svg.matches("#c53030").count()), (3, 1));
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    }
}
