//! Parameters of a request to the admin listener.
//!
//! Owns that a parameter which does not exist is an error, not ignored: a misspelt `region` must not drain the whole
//! PoP. Used by `routes` and `explain`.

/// Parameters as pairs, in order.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

/// What is wrong with the parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueryError {
    /// A parameter that the path does not have.
    #[error("there is no parameter {0:?} here; accepted: {1}")]
    Unknown(String, String),
    /// A parameter that must be there.
    #[error("the parameter {0:?} is missing")]
    Missing(&'static str),
    /// A parameter that may be given once.
    #[error("the parameter {0:?} is given twice")]
    Twice(&'static str),
    /// A value that is not accepted.
    #[error("{name}={value:?} is not accepted; accepted: {accepted}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is possible.
        accepted: &'static str,
    },
}

impl Query {
    /// Reads the query of a URL; only these parameters exist.
    pub(super) fn parse(query: Option<&str>, accepted: &[&str]) -> Result<Self, QueryError> {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect::<Vec<_>>();
        match pairs.iter().find(|(name, _)| !accepted.contains(&name.as_str())) {
            Some((name, _)) => {
                let accepted = if accepted.is_empty() { "none".to_owned() } else { accepted.join(", ") };
                Err(QueryError::Unknown(name.clone(), accepted))
            }
            None => Ok(Self(pairs)),
        }
    }

    /// All values of a parameter.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that may be given once.
    pub(super) fn one(&self, name: &'static str) -> Result<Option<&str>, QueryError> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(QueryError::Twice(name)),
            (value, None) => Ok(value),
        }
    }

    /// The value of a parameter that must be given.
    pub(super) fn must(&self, name: &'static str) -> Result<&str, QueryError> {
        self.one(name)?.ok_or(QueryError::Missing(name))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn reads_what_exists_and_refuses_the_rest() {
        let query = Query::parse(Some("service=shop&header=a%3A+1&header=b:2"), &["service", "header"]).unwrap();
        assert_eq!(query.must("service"), Ok("shop"));
        assert_eq!(query.all("header").collect::<Vec<_>>(), ["a: 1", "b:2"]);
        assert_eq!(query.one("region"), Ok(None));
        assert_eq!(query.must("region"), Err(QueryError::Missing("region")));
        assert_eq!(query.one("header"), Err(QueryError::Twice("header")));
        let wrong = Query::parse(Some("regoin=eu"), &["region"]).unwrap_err();
        assert_eq!(wrong.to_string(), "there is no parameter \"regoin\" here; accepted: region");
    }
}
