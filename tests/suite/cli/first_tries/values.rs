//! How numbers, dates and missing values are written.

use super::{first_try, starter, world_of};
use crate::support::table::{drawn, rows};
use crate::support::world::holds;

#[test]
fn wine_with_decimal_commas_and_points_for_thousands() {
    let mut text = String::from("acid;sugar;litres;quality\n");
    text += &rows(60, |row| {
        let litres = match row % 3 {
            0 => format!("{}.{:03}", 1 + row % 9, drawn(row, 3, 1000)),
            _ => format!("{}", 100 + drawn(row, 3, 800)),
        };
        format!(
            "{},{};{},{:02};{litres};{}",
            3 + row % 5,
            drawn(row, 1, 10),
            row % 9,
            drawn(row, 2, 100),
            5 + row % 3
        )
    });
    let world = world_of("wine.csv", text);
    let [init, check] = first_try(&world, "wine.csv", &["--target", "quality"]);
    holds(
        &init.stderr,
        &[
            "acid: numbers, written 1.234,5",
            "litres: numbers, written 1.234,5",
        ],
    );
    holds(&check.stdout, &["litres", "written 1.234,5"]);
}

#[test]
fn retail_with_currencies_percents_units_and_brackets() {
    let mut text = String::from("price,discount,weight,change,stock,sold\n");
    text += &rows(60, |row| {
        let change = if row % 4 == 0 {
            format!("({})", 1 + row % 9)
        } else {
            format!("{}", row % 11)
        };
        format!(
            "\"$ {},{:03}.50\",{}%,{}.5 kg,{change},\"{},{:03}\",\"€{},{:03}.25\"",
            1 + row % 9,
            drawn(row, 1, 1000),
            drawn(row, 2, 60),
            1 + drawn(row, 3, 20),
            1 + row % 7,
            drawn(row, 4, 1000),
            2 + row % 5,
            drawn(row, 5, 1000)
        )
    });
    let world = world_of("retail.csv", text);
    let [init, check] = first_try(&world, "retail.csv", &["--target", "sold"]);
    for part in [
        "$1,234.5",
        "1234.5%",
        "1234.5 kg",
        "sold: numbers, written €1,234.5",
    ] {
        holds(&init.stderr, &[part]);
    }
    holds(
        &check.stdout,
        &[
            "predicts sold from 48 samples",
            "written $1,234.5",
            "written 1234.5 kg",
        ],
    );
    // The model reads other rows in the same way; what it cannot read is missing and counted.
    world.write("new.csv", "price,discount,weight,change,stock\n\"$2,000.50\",5%,2.5 kg,(3),\"1,200\"\nfree,5%,2 lb,3,1\n");
    let run = world
        .kiln(&["predict", "--model", "run/best.safetensors", "new.csv"])
        .expect_success();
    assert_eq!(run.stdout.lines().count(), 2);
    holds(&run.stderr, &["price 1 missing", "weight 1 missing"]);
}

#[test]
fn codes_with_leading_zeros_are_categories() {
    let mut text = String::from("zip,size,y\n");
    text += &rows(60, |row| {
        format!(
            "{:05},{},{}",
            1000 * (row % 12),
            drawn(row, 1, 99),
            drawn(row, 2, 2)
        )
    });
    let world = world_of("t.csv", text);
    let [_, check] = first_try(&world, "t.csv", &["--target", "y"]);
    holds(&check.stdout, &["zip     category: 0"]);
}

#[test]
fn classes_that_are_one_number_stay_apart() {
    let classes = ["007", "7", "07.0"];
    let mut text = String::from("x,y\n");
    text += &rows(60, |row| {
        format!("{},{}", drawn(row, 1, 99), classes[row % 3])
    });
    let world = world_of("t.csv", text);
    let [_, check] = first_try(&world, "t.csv", &["--target", "y"]);
    holds(&check.stdout, &classes);
}

#[test]
fn energy_with_dates_and_times() {
    let mut text = String::from("date,when,load\n");
    text += &rows(96, |row| {
        let (day, hour) = (1 + row / 24, row % 24);
        format!(
            "2020-02-{:02} {hour:02}:00:00,{:02}/03/2020,{}.5",
            day,
            1 + row % 28,
            100 + 3 * hour + drawn(row, 1, 9)
        )
    });
    let world = world_of("energy.csv", text);
    let [init, check] = first_try(&world, "energy.csv", &["--target", "load"]);
    holds(
        &init.stderr,
        &[
            "date: dates, written year-month-day",
            "when: dates, written day.month.year",
        ],
    );
    holds(
        &check.stdout,
        &[
            "date: days since 2020-02-01, day of week, hour",
            "predicts load from",
        ],
    );
    world.write(
        "new.csv",
        "date,when\n2020-02-03 05:00:00,01/03/2020\nsoon,01/03/2020\n",
    );
    let run = world
        .kiln(&["predict", "--model", "run/best.safetensors", "new.csv"])
        .expect_success();
    holds(&run.stderr, &["date 1 missing"]);
}

#[test]
fn airline_with_american_dates_and_a_named_month() {
    let mut text = String::from("flown,booked,distance,late\n");
    text += &rows(60, |row| {
        let month = ["Jan", "Feb", "Mar"][row % 3];
        format!(
            "{}/{}/2019,{}-{month}-19,{},{}",
            1 + row % 12,
            1 + row % 28,
            1 + row % 27,
            200 + drawn(row, 1, 999),
            ["yes", "no"][drawn(row, 2, 2)]
        )
    });
    let world = world_of("airline.csv", text);
    let [init, _] = first_try(&world, "airline.csv", &["--target", "late"]);
    holds(
        &init.stderr,
        &[
            "flown: dates, written month/day/year",
            "booked: dates, written day month-name year",
        ],
    );
}

#[test]
fn words_and_numbers_for_missing_values_are_inferred() {
    let mut text = String::from("age,vessels,pressure,y\n");
    text += &rows(60, |row| {
        let age = if row % 5 == 0 {
            "-".into()
        } else {
            (30 + drawn(row, 1, 40)).to_string()
        };
        let vessels = if row % 4 == 1 {
            "unknown".into()
        } else {
            (row % 4).to_string()
        };
        let pressure = if row % 9 == 2 {
            "-9".into()
        } else {
            (90 + drawn(row, 3, 80)).to_string()
        };
        format!(
            "{age},{vessels},{pressure},{}",
            ["n", "y"][drawn(row, 4, 2)]
        )
    });
    let world = world_of("heart.csv", text);
    let [init, check] = first_try(&world, "heart.csv", &["--target", "y"]);
    holds(
        &init.stderr,
        &[
            "age: \"-\" stands for a missing value",
            "vessels: \"unknown\"",
            "pressure: \"-9\" stands",
        ],
    );
    holds(&check.stdout, &["where missing"]);
    holds(
        &starter(&world),
        &["[data.missing_in]", "pressure = [\"-9\"]"],
    );
}
