//! Secrets to plant, of every kind: drawn here, so that none stands in a source.

pub const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Characters drawn from a set; made here, so that no secret stands in the source.
pub fn drawn(set: &[u8], len: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let one = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(set[(state >> 33) as usize % set.len()])
    };
    (0..len).map(one).collect()
}

/// What is planted: the kind that it is found as, what stands before it, itself.
pub fn plants() -> Vec<(&'static str, &'static str, String)> {
    let mut seed = 0;
    let mut draw = |set: &[u8], len: usize| {
        seed += 1;
        drawn(set, len, seed)
    };
    let mut all = Vec::new();
    let prefixed: &[(&str, &str, &[u8], usize)] = &[
        ("anthropic-key", "sk-ant-api03-", MIXED, 93),
        ("anthropic-key", "sk-ant-oat01-", MIXED, 90),
        ("openai-key", "sk-proj-", MIXED, 120),
        ("openai-key", "sk-svcacct-", MIXED, 60),
        ("openrouter-key", "sk-or-v1-", HEX, 64),
        ("api-key", "sk-", MIXED, 48),
        ("google-api-key", "AIza", MIXED, 35),
        ("groq-key", "gsk_", MIXED, 52),
        ("xai-key", "xai-", MIXED, 80),
        ("huggingface-token", "hf_", LETTERS, 34),
        ("perplexity-key", "pplx-", MIXED, 48),
        ("replicate-token", "r8_", MIXED, 37),
        ("aws-access-key-id", "AKIA", UPPER, 16),
        ("aws-access-key-id", "ASIA", UPPER, 16),
        ("gcp-oauth-token", "ya29.", MIXED, 120),
        ("google-oauth-secret", "GOCSPX-", MIXED, 28),
        ("digitalocean-token", "dop_v1_", HEX, 64),
        ("vault-token", "hvs.", MIXED, 90),
        ("pulumi-token", "pul-", HEX, 40),
        ("databricks-token", "dapi", HEX, 32),
        ("planetscale-token", "pscale_tkn_", MIXED, 43),
        ("supabase-key", "sbp_", HEX, 40),
        ("github-token", "ghp_", MIXED, 36),
        ("github-token", "gho_", MIXED, 36),
        ("github-token", "ghs_", MIXED, 36),
        ("github-fine-grained-token", "github_pat_", MIXED, 82),
        ("gitlab-token", "glpat-", MIXED, 20),
        ("gitlab-token", "glrt-", MIXED, 20),
        ("bitbucket-token", "ATBB", MIXED, 32),
        ("npm-token", "npm_", MIXED, 36),
        ("pypi-token", "pypi-AgEIcHlwaS5vcmc", MIXED, 120),
        ("rubygems-key", "rubygems_", HEX, 48),
        ("docker-token", "dckr_pat_", MIXED, 27),
        ("sonar-token", "squ_", HEX, 40),
        ("linear-key", "lin_api_", MIXED, 40),
        ("notion-token", "ntn_", MIXED, 46),
        ("figma-token", "figd_", MIXED, 40),
        ("sentry-token", "sntrys_", MIXED, 80),
        ("new-relic-key", "NRAK-", UPPER, 27),
        ("slack-token", "xoxb-", MIXED, 50),
        ("slack-token", "xapp-1-", MIXED, 60),
        ("stripe-key", "sk_live_", MIXED, 24),
        ("stripe-key", "rk_test_", MIXED, 24),
        ("stripe-key", "whsec_", MIXED, 32),
        ("shopify-token", "shpat_", HEX, 32),
        ("mailgun-key", "key-", HEX, 32),
        ("twilio-key", "SK", HEX, 32),
        ("age-key", "AGE-SECRET-KEY-1", UPPER, 58),
    ];
    for (kind, prefix, set, len) in prefixed {
        all.push((*kind, "", format!("{prefix}{}", draw(set, *len))));
    }
    all.push((
        "sendgrid-key",
        "",
        format!("SG.{}.{}", draw(MIXED, 22), draw(MIXED, 43)),
    ));
    all.push(("mailchimp-key", "", format!("{}-us12", draw(HEX, 32))));
    let jwt = format!(
        "eyJ{}.eyJ{}.{}",
        draw(MIXED, 30),
        draw(MIXED, 60),
        draw(MIXED, 43)
    );
    all.push(("jwt", "", jwt));
    all.push((
        "postman-key",
        "",
        format!("PMAK-{}-{}", draw(HEX, 24), draw(HEX, 34)),
    ));
    let after: &[(&str, &str, usize)] = &[
        ("aws-secret-key", "aws_secret_access_key = ", 40),
        ("azure-storage-key", "EndpointSuffix=core;AccountKey=", 86),
        ("slack-webhook", "https://hooks.slack.com/services/", 44),
        (
            "discord-webhook",
            "https://discord.com/api/webhooks/123456789012345678/",
            68,
        ),
        ("telegram-token", "bot 123456789:", 0),
        ("npm-auth", "//registry.example.com/:_authToken=", 36),
        ("url-password", "postgres://app:", 16),
        ("authorization", "Authorization: Bearer ", 32),
        ("authorization", "\"authorization\": \"Basic ", 24),
        ("bearer-token", "sent with bearer ", 40),
        ("cookie", "Cookie: session=", 40),
        ("api-key", "x-api-key: ", 32),
        ("api-key", "\\\"apiKey\\\": \\\"", 32),
        ("token", "my_token=", 24),
        ("token", "refreshToken: '", 30),
        ("secret", "client_secret => \"", 30),
        ("password", "password = \"", 12),
        ("password", "db.password: ", 14),
        ("environment-value", "export SESSION_SECRET=", 18),
        ("environment-value", "SMTP_PASS=", 18),
        ("environment-value", "export MYSQL_PWD=", 18),
        ("command-line-password", "mysql --password=", 14),
        ("command-line-password", "curl -s -u admin:", 14),
        (
            "netrc-password",
            "machine example.com login me password ",
            14,
        ),
    ];
    for (kind, before, len) in after {
        let secret = match *kind {
            "telegram-token" => format!("AA{}", draw(MIXED, 33)),
            "url-password" => format!("{}7a", draw(MIXED, *len)),
            // No rule but this one takes blanks.
            "environment-value" => "orange pear lamp river".to_owned(),
            // A figure, so that it cannot be a word by chance.
            _ => format!("{}4{}7", draw(LETTERS, 1), draw(MIXED, len - 3)) + "x",
        };
        all.push((kind, before, secret));
    }
    all
}
