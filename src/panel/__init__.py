"""panel: four reviewers read the evidence about a tool and say ship or skip."""
