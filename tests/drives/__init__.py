"""The directory store on drives that are full, read-only, foreign, gone, or not what they seem."""
