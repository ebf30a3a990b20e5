//! Any response of a server gives a value or an error, never a panic.

use super::*;

/// A simple random generator, the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// A random value that resembles a real response often enough to reach most code.
    fn value(&mut self, depth: u32) -> Value {
        const WORDS: [&str; 12] = [
            "ok",
            "KO",
            "error",
            "cannot_get_bundle",
            "",
            "1.0.0",
            "not_found",
            "é\u{0}\u{1b}",
            "production",
            "7",
            "null",
            "version_already_exists",
        ];
        const NAMES: [&str; 12] = [
            "data", "error", "message", "status", "bundle", "id", "name", "version", "checksum", "deleted", "public",
            "moreInfo",
        ];
        match self.roll(if depth == 0 { 6 } else { 9 }) {
            0 => Value::Null,
            1 => json!(self.roll(2) == 0),
            2 => json!(self.roll(100)),
            3 => json!([-1.5, 1e300, -7.0, 1.8e19][usize::try_from(self.roll(4)).unwrap()]),
            4 | 5 => json!(WORDS[usize::try_from(self.roll(12)).unwrap()]),
            6 => (0..self.roll(4)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let field = |dice: &mut Self| {
                    let name = NAMES[usize::try_from(dice.roll(12)).unwrap()];
                    (name.to_owned(), dice.value(depth - 1))
                };
                (0..self.roll(7))
                    .map(|_| field(self))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }
        }
    }

    fn answer(&mut self) -> Answer {
        let status = [200, 201, 204, 302, 400, 401, 404, 409, 422][usize::try_from(self.roll(9)).unwrap()];
        let body = self.value(4).to_string().into_bytes();
        // Sometimes truncated.
        let length = if self.roll(5) == 0 {
            usize::try_from(self.roll(body.len() as u64 + 1)).unwrap()
        } else {
            body.len()
        };
        Answer::new(status, &body[..length])
    }
}

type CallOf<'a> = &'a dyn Fn(&Api) -> Result<()>;

#[test]
fn any_response_to_any_call_gives_a_value_or_an_error_without_the_key() {
    let mut dice = Dice(2026);
    let control = Control::new();
    let comment = BundleMetadata {
        link: None,
        comment: Some("x"),
    };
    let url = || "https://cdn.example.com/1.zip".parse().unwrap();
    for _ in 0..3_000 {
        let answers: Vec<Answer> = (0..12).map(|_| dice.answer()).collect();
        let calls: [CallOf<'_>; 7] = [
            &|api| api.bundles(&app(), &control).try_for_each(|bundle| bundle.map(drop)),
            &|api| api.channels(&app(), &control).try_for_each(|channel| channel.map(drop)),
            &|api| api.channel(&app(), "production", &control).map(drop),
            &|api| {
                let bundle = BundleRegistration::new(app(), "1.0.0", url(), Sha256Digest::of(b""))?;
                api.create(&bundle, &control).map(drop)
            },
            &|api| api.delete(&app(), "1.0.0", &control),
            &|api| api.set_channel_by_name(&app(), 1, "production", &control).map(drop),
            &|api| api.set_metadata(&app(), 1, comment, &control),
        ];
        for call in calls {
            let (api, _) = api(answers.clone());
            if let Err(error) = call(&api) {
                assert!(
                    !error.to_string().contains(KEY) && !error.to_string().contains('\u{1b}'),
                    "{error}"
                );
            }
        }
    }
}
