mod exhaustive;
mod rules;
