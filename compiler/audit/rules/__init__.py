"""What the audit reports: one file a rule. A rule that is missing leaves a mistake unseen; what a rule cannot show, it reports."""
