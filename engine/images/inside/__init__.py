"""Looking inside images: how they were made, what each layer does to the files, how two of them differ."""
