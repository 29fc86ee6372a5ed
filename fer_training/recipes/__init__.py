"""What a run is told: recipes as YAML files and their typed form."""
