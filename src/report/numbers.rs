//! Formats numbers for messages and tables.

use indicatif::HumanCount;

/// A share with three decimals, or a dash where it is not defined.
pub fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_string(), |value| format!("{value:.4}"))
}

/// A whole number with thousands apart: 19,034,177.
pub fn grouped(number: u64) -> String {
    HumanCount(number).to_string()
}

/// Formats a size in bytes with one decimal: 1.5 GB (indicatif's `DecimalBytes` has two).
pub fn bytes(count: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut size = count as f64;
    let mut unit = 0;
    while size >= 1000.0 && unit + 1 < units.len() {
        size /= 1000.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{count} B")
    } else {
        format!("{size:.1} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(19_034_177), "19,034,177");
        assert_eq!(grouped(12), "12");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_530_000_000), "1.5 GB");
        assert_eq!(figure(None), "-");
    }
}
